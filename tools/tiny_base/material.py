"""What pre-training learns from: scenes drawn, encoded and captioned once, and kept."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from vae import Projection

from ltxbuild.model import world
from ltxbuild.model.flow import Size, pack

CHUNK = 250
NAMES = 128  # made-up words with a look of their own
SHORT, LONG = 26, 64  # tokens of a caption: most of its padding is learnt in the decay alone
BLANK = 0.1  # captions replaced by the empty one, for guidance


@dataclass
class Material:
    """Packed latents [N, S, C] with the hidden states [N + 1, SHORT, H, layers] and masks of their captions.

    The last caption is the empty one, which has no latents.
    """

    latents: torch.Tensor
    states: torch.Tensor
    mask: torch.Tensor
    size: Size

    def draw(self, count: int, length: int, dice: torch.Generator) -> tuple[torch.Tensor, ...]:
        """A batch: latents [B, S, C], states [B, L, H, layers] and masks [B, L], some captions blanked."""
        index = torch.randint(len(self.latents), (count,), generator=dice)
        said = index.clone()
        said[torch.rand(count, generator=dice) < BLANK] = len(self.states) - 1
        return self.latents[index].float(), *padded(self.states[said].float(), self.mask[said], length)


def padded(states: torch.Tensor, mask: torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """States and masks, padded on the left to `length` tokens."""
    more = length - states.shape[1]
    return torch.nn.functional.pad(states, (0, 0, 0, 0, more, 0)), torch.nn.functional.pad(mask, (more, 0))


@dataclass(frozen=True)
class Source:
    """What material is made of."""

    projection: Projection
    mean: torch.Tensor
    deviation: torch.Tensor
    tokenizer: Any
    encoder: Any

    @torch.no_grad()
    def latents(self, chosen: list[world.Scene], frames: int) -> torch.Tensor:
        """Packed normalised latents [N, S, C] in half precision."""
        pixels = torch.from_numpy(np.stack([world.render(s, frames) for s in chosen])).permute(0, 4, 1, 2, 3)
        z = self.projection.encode(pixels.contiguous())
        mean, deviation = (t.view(1, -1, 1, 1, 1) for t in (self.mean, self.deviation))
        return pack((z - mean) / deviation).half()

    @torch.no_grad()
    def captions(self, captions: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states [N, SHORT, H, layers] in half precision and masks [N, SHORT] of captions no longer than that."""
        states, masks = [], []
        for first in range(0, len(captions), CHUNK):
            chunk = captions[first : first + CHUNK]
            batch = self.tokenizer(chunk, padding="max_length", max_length=SHORT, return_tensors="pt")
            found = self.encoder.model(**batch, output_hidden_states=True).hidden_states
            states.append(torch.stack(found, dim=-1).half())
            masks.append(batch["attention_mask"])
        return torch.cat(states), torch.cat(masks)


def material(source: Source, count: int, frames: int, seed: int, folder: Path) -> Material:
    """Draw, encode and caption `count` scenes; the result is kept in `folder`."""
    rng = random.Random(seed)
    chosen = [world.random_scene(rng) for _ in range(count)]
    names, rng = world.named_looks(random.Random(11), NAMES), random.Random(seed)
    shown = [world.still(s) for s in chosen] if frames == 1 else chosen
    captions = [world.lesson(scene, rng, names) for scene in shown]
    made_with = [repr(captions), *(t.numpy().tobytes() for t in (source.mean, source.deviation))]
    digest = hashlib.sha256(repr(made_with).encode()).hexdigest()[:12]
    cache = folder / f"{count}x{frames}-{digest}.safetensors"
    if not cache.exists():
        chunks = [chosen[i : i + CHUNK] for i in range(0, count, CHUNK)]
        states, mask = source.captions([*captions, ""])
        made = {
            "latents": torch.cat([source.latents(c, frames) for c in chunks]),
            "states": states,
            "mask": mask,
        }
        save_file(made, cache.with_suffix(".new"))
        cache.with_suffix(".new").replace(cache)
    kept = load_file(cache)
    return Material(kept["latents"], kept["states"], kept["mask"], Size(1 + (frames - 1) // 4, 4, 4))
