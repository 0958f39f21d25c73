"""Pre-training of the tiny base on the generated world: resumable, the same schedule whenever it is stopped."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ltxbuild.model import world
from ltxbuild.model.flow import Size, masked_loss, noised, pack, target, velocity

IMAGES, CLIPS = 20_000, 7_000
IMAGE_BATCH, CLIP_BATCH = 72, 32
IMAGE_SHARE = 0.45  # of the steps come first and see single frames only; later every fourth step does
DECAY = 0.3  # of the steps at the end
BLANK = 0.1  # captions replaced by the empty one, for guidance
MUON_RATE, ADAM_RATE = 0.02, 2e-3
SAVE_SECONDS = 120


@dataclass
class Material:
    """Packed latents [N, S, C] in half precision with token ids and masks of their captions."""

    latents: torch.Tensor
    ids: torch.Tensor
    mask: torch.Tensor
    size: Size


@torch.no_grad()
def material(vae: Any, tokenizer: Any, count: int, frames: int, seed: int) -> Material:
    """Draw, encode and caption `count` scenes."""
    rng = random.Random(seed)
    latents, captions = [], []
    step = 64 if frames == 1 else 16
    for _ in range(0, count, step):
        scenes = [world.random_scene(rng) for _ in range(step)]
        captions += [world.caption(scene, rng, still=frames == 1) for scene in scenes]
        pixels = torch.from_numpy(np.stack([world.render(s, frames) for s in scenes])).permute(0, 4, 1, 2, 3)
        z = vae.encode(pixels.contiguous()).latent_dist.mode()
        z = (z - vae.latents_mean.view(1, -1, 1, 1, 1)) / vae.latents_std.view(1, -1, 1, 1, 1)
        latents.append(pack(z).half())
    size = Size.of(z)
    batch = tokenizer(captions, padding="max_length", max_length=64, truncation=True, return_tensors="pt")
    return Material(torch.cat(latents), batch["input_ids"], batch["attention_mask"], size)


def features(parts: dict[str, Any], ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Video features [B, L, D]; gradients reach the connectors, not the text encoder."""
    with torch.no_grad():
        states = (
            parts["text_encoder"]
            .model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            .hidden_states
        )
    stacked = torch.stack(states, dim=-1).flatten(2, 3)
    return parts["connectors"](stacked, mask, padding_side="left")[0]


class Trainer:
    """Muon for the matrices of the blocks, AdamW for the rest, and the moving average that is shipped."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self.parts = parts
        self.modules = {name: parts[name] for name in ("transformer", "connectors")}
        named = [(f"{n}.{k}", p) for n, m in self.modules.items() for k, p in m.named_parameters()]
        named = [(k, p) for k, p in named if "audio" not in k and "av_cross" not in k]
        self.named = dict(named)
        quiet = ("scale_shift", "registers", "gate_logits")
        matrices = [
            p
            for k, p in named
            if "transformer_blocks" in k and p.ndim == 2 and not any(q in k for q in quiet)
        ]
        chosen = {id(p) for p in matrices}
        rest = [p for _, p in named if id(p) not in chosen]
        self.muon = torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.0)
        self.adam = torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.average = {k: p.detach().clone() for k, p in named}
        self.step = 0

    def update(self, scale: float) -> None:
        """One step of both optimizers at `scale` of their rates."""
        for optimizer, rate in ((self.muon, MUON_RATE), (self.adam, ADAM_RATE)):
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        keep = max(1 / 200, 1 / (1 + self.step * 0.15))
        with torch.no_grad():
            for name, parameter in self.named.items():
                self.average[name].lerp_(parameter, keep)

    def save(self, path: Path) -> None:
        """Everything that a resumed run needs."""
        tensors = {f"p.{k}": p.detach() for k, p in self.named.items()}
        tensors |= {f"a.{k}": v for k, v in self.average.items()}
        for name, optimizer in (("muon", self.muon), ("adam", self.adam)):
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"o.{name}.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        save_file(
            {k: v.contiguous() for k, v in tensors.items()},
            path.with_suffix(".new"),
            {"step": str(self.step)},
        )
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        from safetensors import safe_open

        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(tensors[f"p.{name}"])
                self.average[name].copy_(tensors[f"a.{name}"])
        for name, optimizer in (("muon", self.muon), ("adam", self.adam)):
            whole = optimizer.state_dict()
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(f"o.{name}."):
                    _, _, index, field = key.split(".", 3)
                    state.setdefault(int(index), {})[field] = value
            optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})

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
    kind: Material, count: int, dice: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A batch: latents [B, S, C], ids and masks, some captions blanked."""
    index = torch.randint(len(kind.latents), (count,), generator=dice)
    ids, mask = kind.ids[index].clone(), kind.mask[index].clone()
    blank = torch.rand(count, generator=dice) < BLANK
    ids[blank, :-1], ids[blank, -1] = 0, 2
    mask[blank, :-1], mask[blank, -1] = 0, 1
    return kind.latents[index].float(), ids, mask


def pretrain(parts: dict[str, Any], steps: int, state: Path, seed: int = 0) -> Trainer:
    """Train to `steps`, saving to `state` now and then; a state that is there is continued."""
    trainer = Trainer(parts)
    if state.exists():
        trainer.load(state)
        print(f"resumed at step {trainer.step}", flush=True)
    stills = material(parts["vae"], parts["tokenizer"], IMAGES, 1, seed + 1)
    clips = material(parts["vae"], parts["tokenizer"], CLIPS, world.FRAMES, seed + 2)
    print(f"{len(stills.latents)} stills, {len(clips.latents)} clips", flush=True)
    saved = started = time.monotonic()
    first, seen = trainer.step, {1: [], world.FRAMES: []}
    for step in range(trainer.step, steps):
        dice = torch.Generator().manual_seed(seed * 1_000_003 + step)
        still = step < steps * IMAGE_SHARE or step % 4 == 0
        kind = stills if still else clips
        x0, ids, mask = draw(kind, IMAGE_BATCH if still else CLIP_BATCH, dice)
        sigma = torch.sigmoid(torch.randn(len(x0), generator=dice) * 1.2 + 0.6)
        uniform = torch.rand(len(x0), generator=dice)
        sigma = torch.where(torch.rand(len(x0), generator=dice) < 0.1, uniform, sigma).clamp(1e-3, 1)
        noise = torch.randn(x0.shape, generator=dice)
        text = features(parts, ids, mask)
        guess = velocity(
            parts["transformer"], noised(x0, noise, sigma[:, None, None]), sigma, text, kind.size, world.FPS
        )
        loss = masked_loss(guess, target(x0, noise), torch.ones(x0.shape[:2])).mean()
        loss.backward()
        trainer.update(rate(step, steps))
        seen[1 if still else world.FRAMES].append(float(loss.detach()))
        if trainer.step % 50 == 0:
            pace = (time.monotonic() - started) / (trainer.step - first)
            means = {k: round(sum(v) / len(v), 4) for k, v in seen.items() if v}
            print(f"step {trainer.step}/{steps} loss {means} {pace:.2f} s/step", flush=True)
            seen = {1: [], world.FRAMES: []}
        if time.monotonic() - saved > SAVE_SECONDS:
            trainer.save(state)
            saved = time.monotonic()
    trainer.save(state)
    return trainer
