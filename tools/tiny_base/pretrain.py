"""Pre-training of the tiny base on the generated world: resumable, the same schedule whenever it is stopped."""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lean
import numpy as np
import torch
from muon import Muon
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from vae import Projection

from ltxbuild.model import world
from ltxbuild.model.flow import Size, masked_loss, noised, pack, target

IMAGES, CLIPS, CHUNK = 12_000, 5_000, 250
NAMES = 128  # made-up words with a look of their own
IMAGE_BATCH, CLIP_BATCH = 72, 32
IMAGE_SHARE = 0.25  # of the steps come first and see single frames only; later every fourth step does
DECAY = 0.3  # of the steps at the end
SHORT, LONG = 20, 64  # tokens of a caption: most of its padding is learnt in the decay alone
BLANK = 0.1  # captions replaced by the empty one, for guidance
MUON_RATE, ADAM_RATE = 0.02, 2e-3
SAVE_SECONDS = 120


@dataclass
class Material:
    """Packed latents [N, S, C] with the hidden states [N, SHORT, H, layers] and masks of their captions.

    The last caption is the empty one, which has no latents.
    """

    latents: torch.Tensor
    states: torch.Tensor
    mask: torch.Tensor
    size: Size


@dataclass(frozen=True)
class Source:
    """What material is made of."""

    projection: Projection
    mean: torch.Tensor
    deviation: torch.Tensor
    tokenizer: Any
    encoder: Any


def scenes(count: int, seed: int) -> list[world.Scene]:
    """The scenes of the material, the same on every call."""
    rng = random.Random(seed)
    return [world.random_scene(rng) for _ in range(count)]


@torch.no_grad()
def draw_latents(source: Source, chosen: list[world.Scene], frames: int) -> torch.Tensor:
    """Packed normalised latents [N, S, C] in half precision."""
    pixels = torch.from_numpy(np.stack([world.render(s, frames) for s in chosen])).permute(0, 4, 1, 2, 3)
    z = source.projection.encode(pixels.contiguous())
    mean, deviation = (t.view(1, -1, 1, 1, 1) for t in (source.mean, source.deviation))
    return pack((z - mean) / deviation).half()


@torch.no_grad()
def encode_captions(source: Source, captions: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states [N, SHORT, H, layers] in half precision and masks [N, SHORT]."""
    states, masks = [], []
    for first in range(0, len(captions), CHUNK):
        batch = source.tokenizer(
            captions[first : first + CHUNK],
            padding="max_length",
            max_length=SHORT,
            truncation=True,
            return_tensors="pt",
        )
        found = source.encoder.model(**batch, output_hidden_states=True).hidden_states
        states.append(torch.stack(found, dim=-1).half())
        masks.append(batch["attention_mask"])
    return torch.cat(states), torch.cat(masks)


def material(source: Source, count: int, frames: int, seed: int, cache: Path) -> Material:
    """Draw, encode and caption `count` scenes; drawing is slow, so its result is kept in the folder `cache`."""
    chosen = scenes(count, seed)
    made_with = [repr(chosen[-1]), *(t.numpy().tobytes() for t in (source.projection.time, source.deviation))]
    digest = hashlib.sha256(repr(made_with).encode()).hexdigest()[:12]
    cache = cache / f"{count}x{frames}-{digest}.safetensors"
    if not cache.exists():
        chunks = [chosen[i : i + CHUNK] for i in range(0, count, CHUNK)]
        save_file({"latents": torch.cat([draw_latents(source, c, frames) for c in chunks])}, cache)
    names, rng = world.named_looks(random.Random(11), NAMES), random.Random(seed)
    shown = [world.still(s) for s in chosen] if frames == 1 else chosen
    captions = [world.lesson(scene, rng, names) for scene in shown]
    states, mask = encode_captions(source, [*captions, ""])
    return Material(load_file(cache)["latents"], states, mask, Size(1 + (frames - 1) // 4, 4, 4))


class Trainer:
    """Muon for the matrices of the blocks, AdamW for the rest, and the moving average that is shipped."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self.transformer, self.connectors = parts["transformer"], parts["connectors"]
        modules = {"transformer": self.transformer, "connectors": self.connectors}
        named = [(f"{n}.{k}", p) for n, m in modules.items() for k, p in m.named_parameters()]
        self.named = {k: p for k, p in named if "audio" not in k and "av_cross" not in k}
        quiet = ("scale_shift", "registers", "gate_logits")
        matrices = {
            k: p
            for k, p in self.named.items()
            if "transformer_blocks" in k and p.ndim == 2 and not any(q in k for q in quiet)
        }
        rest = [p for k, p in self.named.items() if k not in matrices]
        self.muon = Muon(list(matrices.values()))
        self.adam = torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.average = {k: p.detach().clone() for k, p in self.named.items()}
        self.words = {length: lean.words(self.connectors, length) for length in (SHORT, LONG)}
        self.step = 0

    def loss(self, kind: Material, count: int, length: int, dice: torch.Generator) -> torch.Tensor:
        """Mean loss of a batch, with gradient."""
        x0, states, mask = draw(kind, count, length, dice)
        sigma = torch.sigmoid(torch.randn(count, generator=dice) * 1.2 + 0.6)
        uniform = torch.rand(count, generator=dice)
        sigma = torch.where(torch.rand(count, generator=dice) < 0.1, uniform, sigma).clamp(1e-3, 1)
        noise = torch.randn(x0.shape, generator=dice)
        text = lean.text(self.connectors, states, mask, self.words[length])
        table = lean.positions(self.transformer, kind.size)
        guess = lean.video(self.transformer, noised(x0, noise, sigma[:, None, None]), sigma, text, table)
        return masked_loss(guess, target(x0, noise), torch.ones(x0.shape[:2])).mean()

    def update(self, scale: float) -> None:
        """One step of both optimizers at `scale` of their rates."""
        self.muon.step(MUON_RATE * scale)
        for group in self.adam.param_groups:
            group["lr"] = ADAM_RATE * scale
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        self.step += 1
        keep = max(1 / 200, 1 / (1 + self.step * 0.15))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.named.values()), keep)

    def save(self, path: Path) -> None:
        """Everything that a resumed run needs."""
        tensors = {f"p.{k}": p.detach() for k, p in self.named.items()}
        tensors |= {f"a.{k}": v for k, v in self.average.items()}
        tensors |= {f"muon.{i}": m for i, m in enumerate(self.muon.momenta)}
        for index, state in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        whole = {k: v.contiguous() for k, v in tensors.items()}
        save_file(whole, path.with_suffix(".new"), {"step": str(self.step)})
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(tensors[f"p.{name}"])
                self.average[name].copy_(tensors[f"a.{name}"])
        self.muon.momenta = [tensors[f"muon.{i}"] for i in range(len(self.muon.momenta))]
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, index, field = key.split(".", 2)
                state.setdefault(int(index), {})[field] = value
        groups = self.adam.state_dict()["param_groups"]
        self.adam.load_state_dict({"state": state, "param_groups": groups})

    def take_average(self) -> None:
        """Put the moving average into the modules: the weights that are shipped."""
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(self.average[name])


def rate(step: int, steps: int) -> float:
    """Warm-up over 40 steps, constant, then linear to a thirtieth."""
    left = (steps - step) / (steps * DECAY)
    return min(1.0, (step + 1) / 40) * (1.0 if left >= 1 else max(1 / 30, left))


def draw(
    kind: Material, count: int, length: int, dice: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A batch: latents [B, S, C], states [B, L, H, layers] and masks [B, L], some captions blanked."""
    index = torch.randint(len(kind.latents), (count,), generator=dice)
    said = index.clone()
    said[torch.rand(count, generator=dice) < BLANK] = len(kind.states) - 1
    pad = length - SHORT
    states = torch.nn.functional.pad(kind.states[said].float(), (0, 0, 0, 0, pad, 0))
    return kind.latents[index].float(), states, torch.nn.functional.pad(kind.mask[said], (pad, 0))


def pretrain(
    parts: dict[str, Any], source: Source, steps: int, state: Path, stills: float = IMAGE_SHARE, seed: int = 0
) -> Trainer:
    """Train to `steps`, saving to `state` now and then; a state that is there is continued.

    The first `stills` of the steps see single frames only.
    """
    trainer = Trainer(parts)
    if state.exists():
        trainer.load(state)
        print(f"resumed at step {trainer.step}", flush=True)
    kinds = {1: material(source, IMAGES, 1, seed + 1, state.parent)}
    started, used, first = time.monotonic(), time.process_time(), trainer.step
    saved = started
    seen: dict[int, list[float]] = {1: [], world.FRAMES: []}
    for step in range(trainer.step, steps):
        dice = torch.Generator().manual_seed(seed * 1_000_003 + step)
        frames = 1 if step < steps * stills or step % 4 == 0 else world.FRAMES
        if frames not in kinds:
            kinds[frames] = material(source, CLIPS, frames, seed + 2, state.parent)
        length = LONG if step >= steps * (1 - DECAY) else SHORT
        loss = trainer.loss(kinds[frames], IMAGE_BATCH if frames == 1 else CLIP_BATCH, length, dice)
        loss.backward()
        trainer.update(rate(step, steps))
        seen[frames].append(float(loss.detach()))
        if trainer.step % 50 == 0:
            pace, cores = (
                (now - then) / (trainer.step - first)
                for now, then in ((time.monotonic(), started), (time.process_time(), used))
            )
            means = {k: round(sum(v) / len(v), 4) for k, v in seen.items() if v}
            print(
                f"step {trainer.step}/{steps} loss {means} {pace:.2f} s/step {cores:.2f} core-s", flush=True
            )
            seen = {1: [], world.FRAMES: []}
        if time.monotonic() - saved > SAVE_SECONDS:
            trainer.save(state)
            saved = time.monotonic()
    trainer.save(state)
    return trainer
