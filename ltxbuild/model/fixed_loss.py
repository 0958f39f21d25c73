"""Loss on fixed noise at fixed noise levels, so that two adapters can be compared item by item. Knows no
curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ltxbuild.job import StageError
from ltxbuild.model.device import generator
from ltxbuild.model.flow import Reference, Size, masked_loss, noised, pack, target, velocity
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


@torch.no_grad()
def member_losses(
    transformer: Any,
    adapter: Adapter | None,
    member: Member,
    window: int,
    text: torch.Tensor,
    settings: tuple[Sequence[float], int, Sequence[float]],
) -> Iterator[tuple[Level, dict[str, float]]]:
    """For each level of `settings` (quantiles, noises, weights): the loss by weight, all weights on the same
    input.

    Weight 0 is the base. Raises StageError when a weight other than 0 is asked for without an adapter, or a
    loss is not finite.
    """
    quantiles, noises, weights = settings
    size = Size.of(member.windows[window])
    every = levels(size.tokens, quantiles, noises)
    at_once = max(1, TOKENS_AT_ONCE // size.tokens)
    for start in range(0, len(every), at_once):
        chunk = every[start : start + at_once]
        by_weight = {f"{w:g}": _losses(transformer, adapter, w, member, window, text, chunk) for w in weights}
        for index, level in enumerate(chunk):
            yield level, {name: values[index] for name, values in by_weight.items()}


def _losses(
    transformer: Any,
    adapter: Adapter | None,
    weight: float,
    member: Member,
    window: int,
    text: torch.Tensor,
    chunk: Sequence[Level],
) -> list[float]:
    if adapter is None:
        if weight != 0:
            raise StageError("a weight other than 0 needs an adapter")
        return _plain_losses(transformer, member, window, text, chunk)
    with adapter.weighted(weight):
        return _plain_losses(transformer, member, window, text, chunk)


def _plain_losses(
    transformer: Any, member: Member, window: int, text: torch.Tensor, chunk: Sequence[Level]
) -> list[float]:
    device = next(transformer.parameters()).device
    latents = member.windows[window]
    size = Size.of(latents)
    noise = torch.stack(
        [torch.randn(latents.shape, generator=generator("loss", member.key, window, c.noise)) for c in chunk]
    )
    x0, e = pack(latents[None]).to(device), pack(noise).to(device)
    sigma = torch.tensor([c.sigma for c in chunk], device=device)
    texts = text.to(device)[None].expand(len(chunk), -1, -1)
    reference = None
    if member.references:
        shown = member.references[window].expand(len(chunk), -1, -1, -1, -1)
        reference = Reference.of(shown, size, device)
    x = noised(x0, e, sigma[:, None, None])
    v = velocity(transformer, x, sigma, texts, size, member.fps, reference=reference)
    values = masked_loss(v, target(x0, e), torch.ones(v.shape[:2], device=device)).tolist()
    if any(value != value or value in (float("inf"), float("-inf")) for value in values):
        raise StageError("the loss on a held-out clip is not finite: the training diverged")
    return [float(value) for value in values]
