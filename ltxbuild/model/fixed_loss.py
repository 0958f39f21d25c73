"""Loss on fixed noise at fixed noise levels, so that two adapters can be compared item by item. Knows no
curve.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ltxbuild.job import StageError
from ltxbuild.model.device import generator
from ltxbuild.model.flow import Reference, Size, Sound, masked_loss, noised, pack, target, velocities
from ltxbuild.model.lora import Adapter
from ltxbuild.model.members import Member
from ltxbuild.model.sigmas import quantile

TOKENS_AT_ONCE = 4096
"""Part of the result on a CPU, where sums depend on the batch; so it is no setting of a machine."""


@dataclass(frozen=True)
class Level:
    """One noise level with one noise."""

    quantile: float
    sigma: float
    noise: int


def levels(tokens: int, quantiles: Sequence[float], noises: int) -> list[Level]:
    """The normal sampler's quantiles for a sequence of `tokens`, each with every noise."""
    return [Level(q, quantile(q, tokens), n) for q in quantiles for n in range(noises)]


@dataclass(frozen=True)
class Question:
    """What is measured: the sampler's quantiles, noises for each, weights of the adapter (0 is the base), and what becomes
    of sound: it is generated, given, or None.
    """

    quantiles: Sequence[float]
    noises: int
    weights: Sequence[float]
    audio: str | None = None


@dataclass(frozen=True)
class Shown:
    """One window of a member with the features [L, D] and, for its sound, [L, E] that it is measured with."""

    member: Member
    window: int
    text: torch.Tensor
    sound_text: torch.Tensor | None = None


Loss = tuple[float, float | None]
"""Of the picture; of its sound, if that is generated."""


@torch.no_grad()
def member_losses(
    transformer: Any, adapter: Adapter | None, shown: Shown, question: Question
) -> Iterator[tuple[Level, dict[str, Loss]]]:
    """For each level: the loss by weight, all weights on the same input.

    Raises StageError when a weight other than 0 is asked for without an adapter, or a loss is not finite.
    """
    size = Size.of(shown.member.windows[shown.window])
    every = levels(size.tokens, question.quantiles, question.noises)
    at_once = max(1, TOKENS_AT_ONCE // size.tokens)
    for start in range(0, len(every), at_once):
        chunk = every[start : start + at_once]
        by_weight = {
            f"{w:g}": _losses(transformer, adapter, w, shown, chunk, question.audio) for w in question.weights
        }
        for index, level in enumerate(chunk):
            yield level, {name: values[index] for name, values in by_weight.items()}


def _losses(
    transformer: Any,
    adapter: Adapter | None,
    weight: float,
    shown: Shown,
    chunk: Sequence[Level],
    audio: str | None,
) -> list[Loss]:
    if adapter is None:
        if weight != 0:
            raise StageError("a weight other than 0 needs an adapter")
        return _plain_losses(transformer, shown, chunk, audio)
    with adapter.weighted(weight):
        return _plain_losses(transformer, shown, chunk, audio)


def _plain_losses(transformer: Any, shown: Shown, chunk: Sequence[Level], audio: str | None) -> list[Loss]:
    device = next(transformer.parameters()).device
    member, window = shown.member, shown.window
    latents = member.windows[window]
    size = Size.of(latents)
    x0, e = pack(latents[None]).to(device), pack(_noise(shown, chunk, latents, "loss")).to(device)
    sigma = torch.tensor([c.sigma for c in chunk], device=device)
    texts = shown.text.to(device)[None].expand(len(chunk), -1, -1)
    reference = None
    if member.references:
        beside = member.references[window].expand(len(chunk), -1, -1, -1, -1)
        reference = Reference.of(beside, size, device)
    sound, wanted = _sound(shown, chunk, audio, device)
    x = noised(x0, e, sigma[:, None, None])
    v, a = velocities(transformer, x, sigma, texts, size, member.fps, reference=reference, sound=sound)
    values = masked_loss(v, target(x0, e), torch.ones(v.shape[:2], device=device)).tolist()
    loud = [None] * len(chunk) if a is None or wanted is None else (a - wanted).square().mean((1, 2)).tolist()
    if not all(math.isfinite(value) for value in [*values, *(value for value in loud if value is not None)]):
        raise StageError("the loss on a held-out clip is not finite: the training diverged")
    return list(zip(values, loud, strict=True))


def _noise(shown: Shown, chunk: Sequence[Level], like: torch.Tensor, name: str) -> torch.Tensor:
    """Noise of one window's shape for each level, by its number alone."""
    places = [(name, shown.member.key, shown.window, level.noise) for level in chunk]
    return torch.stack([torch.randn(like.shape, generator=generator(*place)) for place in places])


def _sound(
    shown: Shown, chunk: Sequence[Level], audio: str | None, device: torch.device
) -> tuple[Sound | None, torch.Tensor | None]:
    """What the model hears, at the same quantiles of its own length's sampler, and the velocity wanted of it, if any."""
    if audio is None or not shown.member.sounds or shown.sound_text is None:
        return None, None
    loud = shown.member.sounds[shown.window]
    text = shown.sound_text.to(device)[None].expand(len(chunk), -1, -1)
    tokens = loud.to(device)[None].expand(len(chunk), -1, -1)
    if audio == "given":
        return Sound(tokens, torch.zeros(len(chunk), device=device), text), None
    hiss = _noise(shown, chunk, loud, "loss sound").to(device)
    level = torch.tensor([quantile(c.quantile, len(loud)) for c in chunk], device=device)
    return Sound(noised(tokens, hiss, level[:, None, None]), level, text), target(tokens, hiss)
