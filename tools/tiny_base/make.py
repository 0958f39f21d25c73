"""Makes the tiny base from nothing: `python tools/tiny_base/make.py`. Stopped, it goes on where it was.

Writes ltxbuild/bases/tiny in diffusers layout, weights as fp16, headers sorted, and prints what it measured.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

# Waiting threads sleep: spinning ones slow a busy machine many times over. It is read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))
import architecture
import lean
import vae as video_vae
from diffusers import AutoencoderKLLTX2Video
from pretrain import IMAGE_SHARE, Source, pretrain

from ltxbuild.model import latents, world
from ltxbuild.model.flow import Size
from ltxbuild.model.sampler import sample, sampler_sigmas, start_noise
from ltxbuild.model.tensor_file import save
from ltxbuild.model.text import encode_text

ROOT = Path(__file__).parents[2]


@torch.no_grad()
def build_parts(start: Path | None) -> tuple[dict[str, Any], Source]:
    """All parts, and what their material is made with: new ones, or the weights of the base in `start`."""
    rng = random.Random(3)
    scenes = [world.random_scene(rng) for _ in range(400)]
    clips = torch.from_numpy(np.stack([world.render(s) for s in scenes])).permute(0, 4, 1, 2, 3).contiguous()
    parts = architecture.parts()
    if start is None:
        projection = video_vae.analyse(architecture.CHANNELS, clips[:350])
        vae = video_vae.build(projection)
        video_vae.normalise(vae, projection.encode(clips[:350]))
    else:
        projection, vae = earlier(parts, start)
    parts["vae"] = vae.requires_grad_(False)
    error = (vae.encode(clips[:2]).latent_dist.mode() - projection.encode(clips[:2])).abs().max()
    print(
        f"video VAE: {video_vae.psnr(vae, clips[350:]):.1f} dB on new clips, linear to {error:.4f}",
        flush=True,
    )
    print(f"lean forward against the classes: {lean.difference(parts):.1e}", flush=True)
    mean, deviation = vae.latents_mean, vae.latents_std
    return parts, Source(projection, mean, deviation, parts["tokenizer"], parts["text_encoder"])


def earlier(parts: dict[str, Any], folder: Path) -> tuple[video_vae.Projection, Any]:
    """Put the trained weights of the base in `folder` into `parts`; its projection, in a VAE built anew."""
    for name in ("transformer", "connectors"):
        parts[name].load_state_dict(load_file(folder / name / "diffusion_pytorch_model.safetensors"))
    old = AutoencoderKLLTX2Video.from_pretrained(folder / "vae").float()
    projection = video_vae.read(old)
    vae = video_vae.build(projection)
    vae.latents_mean.copy_(old.latents_mean)
    vae.latents_std.copy_(old.latents_std)
    return projection, vae


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
    """Shape, colour, background and motion of samples for new captions, through the real classes."""
    rng = random.Random(4321)
    scenes = [world.random_scene(rng, 0) for _ in range(count)]
    size, vae = Size(5, 4, 4), parts["vae"]
    sigmas = sampler_sigmas(parts["scheduler"].config, size.tokens, {"steps": steps})
    models = (parts["tokenizer"], parts["text_encoder"], parts["connectors"])

    def encode(text: str) -> torch.Tensor:
        return encode_text(*models, text, 64).video

    empty, clips = encode(""), []
    for index, scene in enumerate(scenes):
        text, noise = encode(world.caption(scene, rng)), start_noise(index, architecture.CHANNELS, size)
        z = sample(parts["transformer"], noise, text, empty, sigmas, guidance, world.FPS)
        clips.append(latents.decode(vae, z).numpy().astype(np.float32) / 127.5 - 1)
    return world.accuracy(clips, scenes)


def main() -> None:
    """Build, train, measure, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "tiny_base.safetensors")
    parser.add_argument("--out", type=Path, default=ROOT / "ltxbuild" / "bases" / "tiny")
    parser.add_argument("--start", type=Path, help="go on from the weights of the base in this folder")
    parser.add_argument("--untrained", action="store_true", help="write the folder without training")
    parser.add_argument("--measure", type=int, default=64, metavar="N", help="samples to measure at the end")
    args = parser.parse_args()
    torch.set_num_threads(2)
    args.state.parent.mkdir(parents=True, exist_ok=True)
    parts, source = build_parts(args.start)
    if not args.untrained:
        pretrain(parts, source, args.steps, args.state, 0.0 if args.start else IMAGE_SHARE).take_average()
        found = measure(parts, args.measure, 3.0, 12)
        print(json.dumps({"samples": args.measure, **found}), flush=True)
    write(parts, args.out)


if __name__ == "__main__":
    main()
