"""Names of a LoRA's tensors in the forms that trainers and tools write. Knows no file.

A key is a prefix, a module of the transformer, and which part of the LoRA it is. Inside of the blocks every tool has the
same names; kohya's writes underscores in place of dots.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PREFIXES = {
    "diffusion_model.": "comfyui",
    "model.diffusion_model.": "comfyui",
    "transformer.": "diffusers",
    "base_model.model.": "peft",
    "lora_unet_": "kohya",
    "lora_transformer_": "kohya",
    "": "bare",
}
SUFFIXES = {
    ".lora_A.weight": "A",
    ".lora_B.weight": "B",
    ".lora_A.default.weight": "A",
    ".lora_B.default.weight": "B",
    ".lora_down.weight": "A",
    ".lora_up.weight": "B",
    ".lora.down.weight": "A",
    ".lora.up.weight": "B",
    ".alpha": "alpha",
}
OTHERS = {
    ".dora_scale": "DoRA",
    ".lora_magnitude_vector": "DoRA",
    ".lokr_": "LoKr",
    ".hada_": "LoHa",
    ".oft_": "OFT",
    ".diff": "a full difference of weights",
}
"""What stands in keys of adapters that are no plain LoRA."""

_ATTENTION = ("attn1", "attn2", "audio_attn1", "audio_attn2", "audio_to_video_attn", "video_to_audio_attn")
_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0", "to_gate_logits")
_FEED_FORWARD = ("ff", "audio_ff")
MODULES = (
    *(f"{attention}.{projection}" for attention in _ATTENTION for projection in _PROJECTIONS),
    *(f"{ff}.{layer}" for ff in _FEED_FORWARD for layer in ("net.0.proj", "net.2")),
)
"""Every Linear layer of a block, by its name in it."""
_FLAT = {module.replace(".", "_"): module for module in MODULES}
_BLOCK = re.compile(r"transformer_blocks[._](\d+)[._](.+)")


class Key(NamedTuple):
    """A tensor's place: `form` of the prefix, `module` such as transformer_blocks.3.attn1.to_q, `part` A, B or alpha."""

    form: str
    module: str
    part: str


def parse(name: str) -> Key | None:
    """What a tensor of that name is; None if it belongs to no layer that is known."""
    suffix = next((s for s in SUFFIXES if name.endswith(s)), None)
    if suffix is None:
        return None
    stem = name.removesuffix(suffix)
    prefix = next(p for p in PREFIXES if stem.startswith(p))
    found = _BLOCK.fullmatch(stem.removeprefix(prefix))
    if found is None:
        return None
    inner = _FLAT.get(found[2].replace(".", "_"))
    if inner is None:
        return None
    return Key(PREFIXES[prefix], f"transformer_blocks.{int(found[1])}.{inner}", SUFFIXES[suffix])


def other_kind(name: str) -> str | None:
    """Which adapter that is no plain LoRA a key belongs to; None for a plain one's or an unknown one."""
    return next((kind for mark, kind in OTHERS.items() if mark in name), None)


def of_audio(module: str) -> bool:
    """Whether a layer works on sound, or lets one modality see the other."""
    return module.split(".")[2].startswith(("audio_", "video_to_audio"))


def spelt(form: str, module: str, part: str) -> str:
    """The key of a part in a form that `convert` writes: comfyui, diffusers, peft or kohya."""
    if form == "kohya":
        suffix = {"A": ".lora_down.weight", "B": ".lora_up.weight", "alpha": ".alpha"}[part]
        return "lora_unet_" + module.replace(".", "_") + suffix
    prefix = {"comfyui": "diffusion_model.", "diffusers": "transformer.", "peft": "base_model.model."}[form]
    return f"{prefix}{module}.lora_{part}.weight"
