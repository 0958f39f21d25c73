"""Makes the tiny base from nothing: `python tools/tiny_base/make.py`. Stopped, it goes on where it was.

Writes ltxbuild/bases/tiny in diffusers layout, weights as fp16, headers sorted, and what was measured into its README.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))
# Waiting threads sleep: spinning ones slow a busy machine many times over.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import architecture
import vae as video_vae
from pretrain import pretrain

from ltxbuild.model import world
from ltxbuild.model.flow import Size
from ltxbuild.model.sampler import sample, sampler_sigmas, start_noise
from ltxbuild.model.tensor_file import save
from ltxbuild.model.text import encode_text

ROOT = Path(__file__).parents[2]


def build_parts() -> dict[str, Any]:
    """All parts, the transformer and connectors untrained."""
    rng = random.Random(3)
    scenes = [world.random_scene(rng) for _ in range(400)]
    clips = torch.from_numpy(np.stack([world.render(s) for s in scenes])).permute(0, 4, 1, 2, 3).contiguous()
    parts = architecture.parts()
    parts["vae"] = video_vae.build(architecture.CHANNELS, clips[:350]).requires_grad_(False)
    print(f"video VAE: {video_vae.psnr(parts['vae'], clips[350:]):.1f} dB on new clips", flush=True)
    return parts


def write(parts: dict[str, Any], folder: Path) -> None:
    """Save in diffusers layout, then rewrite the weights as fp16 with sorted headers."""
    from diffusers import LTX2Pipeline

    for name in ("transformer", "connectors", "vae", "audio_vae", "vocoder", "text_encoder"):
        parts[name].to(torch.float16)
    LTX2Pipeline(**parts).save_pretrained(folder)
    for file in sorted(folder.rglob("*.safetensors")):
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in load_file(file).items()}
        save(file, tensors, {"format": "pt"})
    for name in ("transformer", "connectors", "vae", "audio_vae", "vocoder", "text_encoder"):
        parts[name].to(torch.float32)


@torch.no_grad()
def measure(parts: dict[str, Any], count: int, guidance: float, steps: int) -> dict[str, float]:
    """Colour, background and motion of samples for new captions, through the real VAE."""
    rng = random.Random(4321)
    scenes = [world.random_scene(rng, 0) for _ in range(count)]
    size, vae = Size(5, 4, 4), parts["vae"]
    sigmas = sampler_sigmas(parts["scheduler"].config, size.tokens, {"steps": steps})
    models = (parts["tokenizer"], parts["text_encoder"], parts["connectors"])

    def encode(text: str) -> torch.Tensor:
        return encode_text(*models, text, 64).video

    empty, clips = encode(""), []
    for index, scene in enumerate(scenes):
        text = encode(world.caption(scene, rng, vague=0, named=0))
        z = sample(
            parts["transformer"], start_noise(index, 64, size), text, empty, sigmas, guidance, world.FPS
        )[None]
        z = z * vae.latents_std.view(1, -1, 1, 1, 1) + vae.latents_mean.view(1, -1, 1, 1, 1)
        clips.append(vae.decode(z).sample[0].permute(1, 2, 3, 0).numpy())
    return world.accuracy(clips, scenes)


def main() -> None:
    """Build, train, measure, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "tiny_base.safetensors")
    parser.add_argument("--out", type=Path, default=ROOT / "ltxbuild" / "bases" / "tiny")
    parser.add_argument("--untrained", action="store_true", help="write the folder without training")
    parser.add_argument("--measure", type=int, default=64, metavar="N", help="samples to measure at the end")
    args = parser.parse_args()
    torch.set_num_threads(2)
    args.state.parent.mkdir(parents=True, exist_ok=True)
    parts = build_parts()
    if not args.untrained:
        pretrain(parts, args.steps, args.state).take_average()
        found = measure(parts, args.measure, 3.0, 12)
        print(json.dumps({"samples": args.measure, **found}), flush=True)
    write(parts, args.out)


if __name__ == "__main__":
    main()
