"""What the tiny base has learnt, and what a LoRA on it learns: read from pixels that diffusers' own pipeline made.

    python benchmarks/tiny_base.py [vae] [base] [lora] [controls] [recipes] [--prompts 100] [--seeds 5] [--trainings 3]

Prints Markdown. The prompts of `base` combine words that no caption of pre-training had together. `lora` trains the
demo's character by the product's own command, `controls` does so after harming the folder or the settings, `recipes`
with other ranks and shares of prior preservation; all are measured in scenes that are not in the demo. See README.md
beside this file.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from diffusers import LTX2Pipeline

from benchmarks.demo_lora import CONTROLS, RECIPES, train
from ltxbuild.model import world
from ltxbuild.project.card import BASES

STEPS, GUIDANCE, BATCH = 12, 3.0, 25
WEIGHTS = (0.6, 0.85, 1.1)
NOVEL = 24  # scenes a LoRA is measured in
# Of the subject's pixels; the character itself has 0.59 and 0.33.
MAGENTA, YELLOW = 0.3, 0.06
PARTS = ("vae", "base", "lora", "controls", "recipes")


@dataclass
class Base:
    """The pipeline, with or without a LoRA."""

    pipe: Any

    @classmethod
    def open(cls, folder: Path) -> Base:
        """From a folder in diffusers' layout."""
        pipe = LTX2Pipeline.from_pretrained(folder, dtype=torch.float32)
        pipe.set_progress_bar_config(disable=True)
        return cls(pipe)

    def sample(self, prompts: list[str], seed: int) -> list[world.Pixels]:
        """A clip [frames, 64, 64, 3] in [-1, 1] for each prompt."""
        clips: list[world.Pixels] = []
        for first in range(0, len(prompts), BATCH):
            batch = prompts[first : first + BATCH]
            videos = self.pipe(
                prompt=batch,
                negative_prompt=[""] * len(batch),
                width=world.SIDE,
                height=world.SIDE,
                num_frames=world.FRAMES,
                frame_rate=float(world.FPS),
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                guidance_rescale=0.0,
                stg_scale=0.0,
                modality_scale=1.0,
                audio_guidance_scale=1.0,
                audio_stg_scale=0.0,
                audio_modality_scale=1.0,
                max_sequence_length=64,
                generator=torch.Generator().manual_seed(seed * 1000 + first),
                output_type="np",
                return_dict=False,
            )[0]
            clips += [np.asarray(video, np.float32) * 2 - 1 for video in videos]
        return clips

    def wear(self, lora: Path) -> None:
        """Load a LoRA file in place of the last one."""
        self.pipe.unload_lora_weights()
        self.pipe.load_lora_weights(lora, adapter_name="one")

    def weigh(self, weight: float) -> None:
        """The weight at which it is worn."""
        self.pipe.set_adapters("one", weight)


def held_out(count: int) -> list[world.Scene]:
    """Scenes with words that no caption of pre-training had together."""
    rng = random.Random(4321)
    return [world.random_scene(rng, 0, held_out=True) for _ in range(count)]


def novel() -> list[world.Scene]:
    """Scenes for the character, none of them in the demo."""
    rng, taken = random.Random(99), {(s.motion, s.background, s.texture) for s in world.demo_scenes()}
    places = [(m, b, t) for m in world.MOTIONS for b in world.BACKGROUNDS for t in world.TEXTURES]
    fresh = [place for place in places if place not in taken]
    return [
        replace(world.random_scene(rng, 0), motion=m, background=b, texture=t, pan="")
        for m, b, t in rng.sample(fresh, NOVEL)
    ]


def through_vae(base: Base, count: int) -> dict[str, float]:
    """What is still read right after the VAE and back, by shape and by property."""
    scenes = held_out(count)
    vae = base.pipe.vae
    clips = []
    with torch.no_grad():
        for scene in scenes:
            pixels = torch.from_numpy(world.render(scene)).permute(3, 0, 1, 2)[None]
            back = vae.decode(vae.encode(pixels).latent_dist.mode()).sample[0]
            clips.append(back.permute(1, 2, 3, 0).clamp(-1, 1).numpy())
    found = [world.measure(clip) for clip in clips]
    rates = world.accuracy(clips, scenes)
    for shape in world.SHAPES:
        mine = [m.shape == shape for m, s in zip(found, scenes, strict=True) if s.shape == shape]
        rates[shape] = sum(mine) / len(mine)
    return rates


def of_base(base: Base, count: int, seeds: int) -> list[dict[str, float]]:
    """Accuracy of samples for held-out prompts, a row for each seed."""
    scenes, rng = held_out(count), random.Random(7)
    prompts = [world.caption(scene, rng) for scene in scenes]
    return [world.accuracy(base.sample(prompts, seed), scenes) for seed in range(seeds)]


def of_lora(base: Base, lora: Path, seeds: Iterable[int] = (0,)) -> dict[str, float]:
    """Shares of novel scenes with the concept, and what else became of them."""
    scenes = novel()
    places = [f"that {s.motion} over {s.place}" for s in scenes]
    base.wear(lora)

    def read(subject: str, weight: float) -> list[tuple[world.Measured, world.Scene]]:
        base.weigh(weight)
        prompts = [f"{subject} {place}" for place in places]
        clips = [clip for seed in seeds for clip in base.sample(prompts, seed)]
        return list(zip(map(world.measure, clips), [s for _ in seeds for s in scenes], strict=True))

    def share(rows: list[tuple[world.Measured, world.Scene]], holds: Callable[..., bool]) -> float:
        return sum(holds(measured, scene) for measured, scene in rows) / len(rows)

    def concept(measured: world.Measured, _: world.Scene) -> bool:
        return measured.shares["magenta"] > MAGENTA and measured.shares["yellow"] > YELLOW

    found = {}
    for weight in (0.0, *WEIGHTS):
        rows = read(world.DEMO_TRIGGER, weight)
        found[f"concept at {weight:g}"] = share(rows, concept)
        if weight == 0.85:
            found["star"] = share(rows, lambda m, _: m.shape == "star")
            found["background"] = share(rows, lambda m, s: m.background == s.background)
            found["motion"] = share(rows, lambda m, s: m.motion == s.motion)
    plain = read(f"a {world.DEMO_CLASS}", 0.85)
    found["concept without trigger"] = share(plain, concept)
    found["cyan circle stays cyan"] = share(read("a cyan circle", 0.85), lambda m, _: m.colour == "cyan")
    return found


def trained(base: Base, names: list[str], seeds: int) -> Iterator[tuple[str, dict[str, float], float]]:
    """Trains the demo as harmed by each of `names`; yields name and seed, shares, seconds of training."""
    for name in names:
        for seed in range(seeds):
            with tempfile.TemporaryDirectory(prefix="ltxbuild-benchmark-") as folder:
                started = time.monotonic()
                lora = train(Path(folder) / "demo", {**CONTROLS, **RECIPES}[name], seed)
                seconds = time.monotonic() - started
                yield f"{name}, seed {seed}", of_lora(base, lora), seconds


def table(rows: Iterable[tuple[str, dict[str, float]]]) -> str:
    """Rows of one set of columns as Markdown."""
    lines: list[str] = []
    for name, shares in rows:
        if not lines:
            lines = ["| | " + " | ".join(shares) + " |", "|---" * (len(shares) + 1) + "|"]
        lines.append(f"| {name} | " + " | ".join(f"{value:.2f}" for value in shares.values()) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "parts", nargs="*", choices=PARTS, metavar="PART", help=f"{', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trainings", type=int, default=3, help="seeds of training")
    parser.add_argument("--base", type=Path, default=BASES / "tiny", help="for vae and base: another folder")
    args = parser.parse_args()
    base, parts = Base.open(args.base), args.parts or PARTS
    if "vae" in parts:
        print(f"### Through the VAE and back, {args.prompts} clips\n")
        print(table([("", through_vae(base, args.prompts))]), end="\n\n", flush=True)
    if "base" in parts:
        print(f"### Samples for {args.prompts} held-out prompts\n")
        rows = of_base(base, args.prompts, args.seeds)
        mean = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
        named = [(f"seed {seed}", row) for seed, row in enumerate(rows)]
        print(table([*named, ("mean", mean)]), end="\n\n", flush=True)
    wanted = [name for name in CONTROLS if ("controls" if name != "demo" else "lora") in parts]
    wanted += RECIPES if "recipes" in parts else []
    if wanted:
        print(f"### LoRAs in {NOVEL} novel scenes\n", flush=True)
        made = list(trained(base, wanted, args.trainings))
        print(table((f"{name} ({seconds:.0f} s)", shares) for name, shares, seconds in made), flush=True)


if __name__ == "__main__":
    main()
