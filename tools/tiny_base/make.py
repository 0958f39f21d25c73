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
from material import Source
from pretrain import STILLS, prepare, pretrain, processes_for
from trainer import Trainer

from ltxbuild.model import latents, world
from ltxbuild.model.flow import Size
from ltxbuild.model.sampler import Guidance, Prompt, Start, sample, sampler_sigmas, start_noise
from ltxbuild.model.tensor_file import save
from ltxbuild.model.text import encode_text

ROOT = Path(__file__).parents[2]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


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
    """Shape, colour, background and motion of samples, half of them for held-out words, through the real classes."""
    rng = random.Random(4321)
    scenes = [world.random_scene(rng, 0, held_out=index % 2 == 1) for index in range(count)]
    size, vae = Size(1 + world.FRAMES // 4, 4, 4), parts["vae"]
    sigmas = sampler_sigmas(parts["scheduler"].config, size.tokens, {"steps": steps})
    models = (parts["tokenizer"], parts["text_encoder"], parts["connectors"])

    def encode(text: str) -> Prompt:
        return Prompt(encode_text(*models, text, 64).video)

    told, clips = Guidance(encode(""), guidance, guidance), []
    for index, scene in enumerate(scenes):
        text, (noise, _) = encode(world.caption(scene, rng)), start_noise(index, architecture.CHANNELS, size)
        z, _ = sample(parts["transformer"], Start(noise), text, told, sigmas, world.FPS)
        clips.append(latents.decode(vae, z).numpy().astype(np.float32) / 127.5 - 1)
    return world.accuracy(clips, scenes)


def work(rank: int, processes: int, args: argparse.Namespace) -> None:
    """One of the processes that train together."""
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))
    if processes > 1:
        meeting = args.state.with_suffix(".meeting").absolute()
        torch.distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=processes)
    parts, source = build_parts(args.start)
    kinds = prepare(source, args.state.parent, seed=0)
    trainer = Trainer(parts, DEVICE)
    pretrain(trainer, source, kinds, args.steps, args.state, 0 if args.start else args.stills)
    if processes > 1:
        torch.distributed.destroy_process_group()


def train(args: argparse.Namespace, parts: dict[str, Any], source: Source) -> None:
    """Put the trained moving average into `parts`."""
    processes = args.processes or processes_for(DEVICE)
    args.state.with_suffix(".meeting").unlink(missing_ok=True)
    prepare(source, args.state.parent, seed=0)  # drawn once, found by all
    torch.multiprocessing.spawn(work, (processes, args), nprocs=processes)
    trainer = Trainer(parts, torch.device("cpu"))
    trainer.load(args.state)
    trainer.swap_average()


def main() -> None:
    """Build, train, measure, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument(
        "--stills", type=int, default=STILLS, help="first steps, which see single frames only"
    )
    parser.add_argument("--state", type=Path, default=ROOT / "build" / "tiny_base.safetensors")
    parser.add_argument("--out", type=Path, default=ROOT / "ltxbuild" / "bases" / "tiny")
    parser.add_argument("--start", type=Path, help="go on from the weights of the base in this folder")
    parser.add_argument(
        "--processes", type=int, help="how many train together (default: one a core, up to four)"
    )
    parser.add_argument("--untrained", action="store_true", help="write the folder without training")
    parser.add_argument("--measure", type=int, default=64, metavar="N", help="samples to measure at the end")
    args = parser.parse_args()
    args.state.parent.mkdir(parents=True, exist_ok=True)
    parts, source = build_parts(args.start)
    if not args.untrained:
        train(args, parts, source)
        print(json.dumps({"samples": args.measure, **measure(parts, args.measure, 3.0, 12)}), flush=True)
    write(parts, args.out)


if __name__ == "__main__":
    main()
