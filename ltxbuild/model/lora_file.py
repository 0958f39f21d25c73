"""The exported LoRA: names, baked alpha, and the checks before anybody gets it. Knows no metadata's meaning.

One file serves ComfyUI, diffusers and the official code: original names under `diffusion_model.`, alpha
baked into lora_B, no alpha keys and no adapter metadata, either of which would be applied a second time or
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import LTX2Pipeline
from peft.tuners.lora import LoraLayer

from ltxbuild.job import StageError
from ltxbuild.model.flow import Size, Sound, pack, velocities
from ltxbuild.model.lora import Spec, attached

PREFIX = "diffusion_model."
CHECK_SIZE = Size(2, 4, 4)
CHECK_TEXT, CHECK_SOUND = 16, 3


def baked(tensors: Mapping[str, torch.Tensor], spec: Spec, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The adapter's tensors under their public names, lora_B times the scale."""
    return {
        PREFIX + name: (tensor.double() * spec.scale if ".lora_B." in name else tensor).to(dtype)
        for name, tensor in tensors.items()
    }


def check_tensors(tensors: Mapping[str, torch.Tensor], expected: int) -> None:
    """Refuse what must not be given away. Raises StageError for NaN, an all-zero lora_B, or another count of
    tensors.
    """
    if len(tensors) != expected:
        raise StageError(
            f"the LoRA has {len(tensors)} tensors where the base and the targets make {expected}"
        )
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise StageError(f"the LoRA holds values that are not finite, first in {name}")
        if ".lora_B." in name and not bool(tensor.any()):
            raise StageError(f"the LoRA is empty: {name} is all zero, so this layer was not trained")


def _answer(transformer: Any, audio: bool) -> torch.Tensor:
    """The transformer's velocities for one fixed input, of the picture and with `audio` also of sound, as one row."""
    dice = torch.Generator("cpu").manual_seed(0)
    place, config = next(transformer.parameters()), transformer.config
    width = config.caption_channels if config.use_prompt_embeddings else config.cross_attention_dim
    x = torch.randn((1, config.in_channels, *_shape(CHECK_SIZE)), generator=dice)
    text = torch.randn((1, CHECK_TEXT, width), generator=dice).to(place)
    sigma, sound = torch.tensor([0.7]), None
    if audio:
        heard = torch.randn((1, CHECK_SOUND, config.audio_in_channels), generator=dice).to(place.device)
        wide = config.caption_channels if config.use_prompt_embeddings else config.audio_cross_attention_dim
        sound = Sound(heard, sigma, torch.randn((1, CHECK_TEXT, wide), generator=dice).to(place))
    tokens = pack(x).to(place.device)
    made = velocities(transformer, tokens, sigma, text, CHECK_SIZE, 24.0, sound=sound)
    return torch.cat([velocity.flatten() for velocity in made if velocity is not None])


def _shape(size: Size) -> tuple[int, int, int]:
    return size.frames, size.height, size.width


@torch.no_grad()
def in_memory(
    transformer: Any, tensors: Mapping[str, torch.Tensor], spec: Spec
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """The transformer's answer to a fixed input without and with the adapter as trained, and its tensor
    count.
    """
    with attached(transformer, spec) as adapter:
        adapter.fill(tensors)
        with adapter.off():
            plain = _answer(transformer, spec.audio)
        return plain, _answer(transformer, spec.audio), len(adapter.parameters())


@torch.no_grad()
def from_file(transformer: Any, path: Path, audio: bool = False) -> tuple[torch.Tensor, int]:
    """The answer with the file loaded as every user of diffusers loads it, and how many tensors were loaded.

    The pipeline needs nothing but the transformer for that. Tensors are counted because diffusers only logs
    a warning when it finds none that it knows.
    """
    parts = ("scheduler", "vae", "audio_vae", "text_encoder", "tokenizer", "connectors", "vocoder")
    pipeline = LTX2Pipeline(transformer=transformer, **dict.fromkeys(parts))
    device = next(transformer.parameters()).device
    pipeline.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name="exported")
    try:
        layers = [m for m in transformer.modules() if isinstance(m, LoraLayer)]
        for layer in layers:
            # diffusers puts them beside the layer's weights, which for a swapped one is the host.
            for half in (layer.lora_A, layer.lora_B):
                half.to(device)
        count = sum(("exported" in m.lora_A) + ("exported" in m.lora_B) for m in layers)
        return _answer(transformer, audio), count
    finally:
        if getattr(transformer, "peft_config", None):
            transformer.unload_lora()
