"""Pre-training of the tiny base on the generated world: resumable, on every core or a GPU.

A batch is the same four shards however many processes share them.
"""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from material import LONG, SHORT, Material, Source, material
from trainer import Trainer

from ltxbuild.model import world

IMAGES, CLIPS = 40_000, 24_000
SHARDS = 4
IMAGE_BATCH, CLIP_BATCH = 24, 12  # of a shard
STILLS = 1200  # steps that come first and see single frames only; later every fourth step does
DECAY = 0.3  # of the steps at the end
WARM_UP = 40
SAVE_SECONDS, REPORT, PROBE = 120, 100, 500
PROBED, PROBE_SIGMA = 96, 0.85


def rate(step: int, steps: int) -> float:
    """Warm-up, constant, then linear to a thirtieth."""
    left = (steps - step) / (steps * DECAY)
    return min(1.0, (step + 1) / WARM_UP) * (1.0 if left >= 1 else max(1 / 30, left))


def frames_of(step: int, stills: int) -> int:
    """The length of the clips in a step."""
    return 1 if step < stills or step % 4 == 0 else world.FRAMES


def prepare(source: Source, folder: Path, seed: int) -> dict[int, Material]:
    """Single frames and clips."""
    return {
        1: material(source, IMAGES, 1, seed + 1, folder),
        world.FRAMES: material(source, CLIPS, world.FRAMES, seed + 2, folder),
    }


def pretrain(
    trainer: Trainer,
    source: Source,
    kinds: dict[int, Material],
    steps: int,
    state: Path,
    stills: int,
    seed: int = 0,
) -> None:
    """Train to `steps`, saving to `state` now and then; a state that is there is continued.

    The first `stills` steps see single frames only. In a process group every process does its share of the shards.
    """
    if state.exists():
        trainer.load(state)
    rank, processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    started, first = time.monotonic(), trainer.step
    saved, seen = started, {kind: [0.0, 0.0] for kind in kinds}
    for step in range(trainer.step, steps):
        frames = frames_of(step, stills)
        seen[frames][0] += shards(trainer, kinds[frames], step, range(rank, SHARDS, processes), steps, seed)
        seen[frames][1] += 1
        trainer.update(rate(step, steps))
        if rank == 0 and trainer.step % REPORT == 0:
            means = {k: round(total / n, 4) for k, (total, n) in seen.items() if n}
            pace = (time.monotonic() - started) / (trainer.step - first)
            print(f"step {trainer.step}/{steps} loss {means} {pace:.2f} s/step", flush=True)
            seen = {kind: [0.0, 0.0] for kind in kinds}
        if rank == 0 and trainer.step % PROBE == 0:
            print(
                f"step {trainer.step} gain {json.dumps(gains(trainer, source, kinds[frames], frames))}",
                flush=True,
            )
        if rank == 0 and time.monotonic() - saved > SAVE_SECONDS:
            trainer.save(state)
            saved = time.monotonic()
    if rank == 0:
        trainer.save(state)


def shards(trainer: Trainer, kind: Material, step: int, mine: range, steps: int, seed: int) -> float:
    """Gradients of a step, summed over all processes; the loss of this process's shards."""
    length = LONG if step >= steps * (1 - DECAY) else SHORT
    count, total = IMAGE_BATCH if kind.size.frames == 1 else CLIP_BATCH, 0.0
    for shard in mine:
        dice = torch.Generator().manual_seed((seed * 1_000_003 + step) * SHARDS + shard)
        loss = trainer.loss(kind, count, length, dice) / SHARDS
        loss.backward()
        total += float(loss.detach())
    if dist.is_initialized():
        held = [p for p in trainer.named.values() if p.grad is not None]
        flat = torch.cat([p.grad.flatten() for p in held])
        dist.all_reduce(flat)
        for parameter, part in zip(held, flat.split([p.numel() for p in held]), strict=True):
            parameter.grad.copy_(part.view_as(parameter))
    return total * SHARDS / max(1, len(mine))


@torch.no_grad()
def gains(trainer: Trainer, source: Source, kind: Material, frames: int) -> dict[str, float]:
    """How much the loss rises when one word of the caption is wrong: progress without a sample.

    Of the moving average, on scenes that were not trained on, at one noise level.
    """
    rng = random.Random(99)
    chosen = [world.random_scene(rng, 0) for _ in range(PROBED)]
    if frames == 1:
        chosen = [world.still(s) for s in chosen]

    def other(words: Any, word: str) -> str:
        return rng.choice([w for w in words if w != word])

    variants = {
        "right": chosen,
        "shape": [replace(s, shape=other(world.SHAPES, s.shape)) for s in chosen],
        "colour": [replace(s, colour=other(world.COLOURS, s.colour)) for s in chosen],
    }
    if frames > 1:
        variants["motion"] = [replace(s, motion=other(world.MOTIONS, s.motion)) for s in chosen]
    x0, dice = source.latents(chosen, frames).float(), torch.Generator().manual_seed(1)
    noise, sigma = torch.randn(x0.shape, generator=dice), torch.full((PROBED,), PROBE_SIGMA)
    trainer.swap_average()
    found = {}
    for name, scenes in variants.items():
        said = random.Random(5)
        states, mask = source.captions([world.caption(s, said) for s in scenes])
        found[name] = float(trainer.error(kind, x0, noise, sigma, states.float(), mask).mean())
    trainer.swap_average()
    return {k: round(v if k == "right" else v - found["right"], 4) for k, v in found.items()}


def processes_for(device: torch.device) -> int:
    """One a core, four at most; one on a GPU."""
    return 1 if device.type == "cuda" else min(SHARDS, len(os.sched_getaffinity(0)))
