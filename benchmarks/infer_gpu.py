"""What a build does beside training, with the whole base's sizes and random weights: seconds and peak memory on a GPU.

    python benchmarks/infer_gpu.py

Captions through Gemma 3 and the connectors, clips through the VAE in both directions, a sample of the evaluation. Without
a GPU there is nothing to measure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from diffusers import AutoencoderKLLTX2Video
from diffusers.pipelines.ltx2 import LTX2TextConnectors

from benchmarks.train_gpu import TEXT_LENGTH, leave, options, random_model, table, timed
from ltxbuild.model.base import open_base
from ltxbuild.model.device import place_of
from ltxbuild.model.family import families
from ltxbuild.model.flow import Size
from ltxbuild.model.latents import decode, encode
from ltxbuild.model.quantized import fold_layers
from ltxbuild.model.sampler import Guidance, Prompt, Start, sample, start_noise
from ltxbuild.model.text import encode_text

TINY = Path(__file__).parents[1] / "ltxbuild" / "bases" / "tiny"
GEMMA = {  # its 12B form
    "hidden_size": 3840, "num_hidden_layers": 48, "intermediate_size": 15360, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 256, "vocab_size": 262208, "query_pre_attn_scalar": 256,
}  # fmt: skip
CLIPS = {"768x512x33": (33, 512, 768), "960x544x57": (57, 544, 960), "960x544x121": (121, 544, 960)}
STEPS, GUIDANCE, SAMPLE = 12, 3.0, (7, 16, 24)


def made(kind: Any, config: Any) -> Any:
    """A frozen model with random weights in bf16, on the GPU from the beginning."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("cuda"):
            model = kind(config) if kind is Gemma3ForConditionalGeneration else kind.from_config(config)
    finally:
        torch.set_default_dtype(before)
    return model.requires_grad_(False).eval()


def told(what: str, work: Callable[[], object]) -> None:
    """A table's line; the first call, which makes handles and plans, is not counted."""
    work()
    torch.cuda.reset_peak_memory_stats()
    seconds = timed(work, "cuda")
    peaks = (torch.cuda.max_memory_allocated() / 2**30, torch.cuda.max_memory_reserved() / 2**30)
    print(f"| {what} | {seconds:.3f} | {peaks[0]:.1f} | {peaks[1]:.1f} |", flush=True)


def captions() -> None:
    """One caption, as every form that the text encoder is kept in."""
    (family,) = [one for one in families() if one.trained]
    tokenizer = open_base(TINY, "cpu", "fp32").tokenizer()
    for form in ("", "int8", "nf4"):
        encoder = made(Gemma3ForConditionalGeneration, Gemma3Config(text_config=GEMMA))
        connectors = made(LTX2TextConnectors, dict(family.parts["connectors"].options))
        for model in (encoder, connectors) if form else ():
            fold_layers(model, form, "cuda")
        torch.cuda.empty_cache()
        told(
            f"a caption, {form or 'bf16'}",
            lambda e=encoder, c=connectors: encode_text(tokenizer, e, c, "mira_char moves", TEXT_LENGTH),
        )
        leave(encoder)
        leave(connectors)


def clips() -> None:
    """Clips of several sizes to latents and back."""
    (family,) = [one for one in families() if one.trained]
    vae = made(AutoencoderKLLTX2Video, dict(family.parts["vae"].options))
    for name, (count, height, width) in CLIPS.items():
        frames = torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8)
        told(f"encode {name}", lambda frames=frames: encode(vae, frames))
        latents = torch.randn(128, (count - 1) // 8 + 1, height // 32, width // 32)
        told(f"decode {name}", lambda latents=latents: decode(vae, latents))
    leave(vae)


def samples() -> None:
    """A sample as the evaluation makes it, without its decoding."""
    config = options()
    text = Prompt(torch.randn(TEXT_LENGTH, int(config["cross_attention_dim"]), dtype=torch.bfloat16))
    start = Start(start_noise(0, int(config["in_channels"]), Size(*SAMPLE))[0])
    guidance = Guidance(text, GUIDANCE, GUIDANCE)
    sigmas = [1 - step / STEPS for step in range(STEPS + 1)]
    for form in ("", "int8"):
        model = random_model(config, "cuda", form, 0, None)
        told(
            f"a sample of 768x512x49 in {STEPS} steps with guidance, {form or 'bf16'}",
            lambda model=model: sample(model, start, text, guidance, sigmas, 24.0),
        )
        leave(model)


def main() -> None:
    """Measure and print."""
    if not torch.cuda.is_available():
        sys.exit("there is no GPU")
    place_of({"base": "base", "device": "cuda"}, {"precision": "bf16"})
    torch.manual_seed(0)
    print(f"{torch.cuda.get_device_name()}; PyTorch {torch.__version__}\n")
    table("what", "s", "peak GiB", "held GiB")
    captions()
    clips()
    samples()


if __name__ == "__main__":
    main()
