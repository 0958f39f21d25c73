"""The distribution of noise levels in training and its quantiles. Knows no model.

Shifted logit-normal of the official LTX-2 trainer: sigmoid(N(mu, 1)) with mu linear in the number of tokens,
stretched so that its .5 % and 99.9 % points become 0 and 1, reflected at 1e-3, with a tenth of the draws
uniform.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import torch

LOW_SHIFT, HIGH_SHIFT = 0.95, 2.05
LOW_TOKENS, HIGH_TOKENS = 1024, 4096
LOW_Z, HIGH_Z = -2.5758, 3.0902
FLOOR = 1e-3
UNIFORM_SHARE = 0.1

_NORMAL = NormalDist()


def shift(tokens: int) -> float:
    """mu for a sequence of `tokens`; extrapolated outside 1024 to 4096, not clamped."""
    return LOW_SHIFT + (HIGH_SHIFT - LOW_SHIFT) * (tokens - LOW_TOKENS) / (HIGH_TOKENS - LOW_TOKENS)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def draw(generator: torch.Generator, count: int, tokens: int) -> torch.Tensor:
    """`count` sigmas in [1e-3, 1], float32."""
    mu = shift(tokens)
    low, high = _sigmoid(mu + LOW_Z), _sigmoid(mu + HIGH_Z)
    s = torch.sigmoid(torch.randn(count, generator=generator) + mu)
    s = (s - low) / (high - low)
    s = torch.where(s >= FLOOR, s, 2 * FLOOR - s).clamp(max=1.0)
    uniform = FLOOR + (1 - FLOOR) * torch.rand(count, generator=generator)
    return torch.where(torch.rand(count, generator=generator) < UNIFORM_SHARE, uniform, s)


def draw_between(generator: torch.Generator, count: int, schedule: Sequence[float]) -> torch.Tensor:
    """`count` sigmas from the intervals between a sampler's neighbouring sigmas, an interval weighted by its
    width.

    With that weight the draw is uniform from the lowest to the highest value. Equal weights would put most
    draws above .975, where the distilled schedule has most of its steps, and teach next to nothing about
    identity.
    """
    values = [float(v) for v in schedule]
    low, high = min(values), max(values)
    return low + (high - low) * torch.rand(count, generator=generator)


def draw_mixed(
    generator: torch.Generator, count: int, tokens: int, schedule: Sequence[float] | None
) -> torch.Tensor:
    """The normal draw, or, with a distilled `schedule`, half of it and half of the draw between its
    values.
    """
    normal = draw(generator, count, tokens)
    if not schedule:
        return normal
    between = draw_between(generator, count, schedule)
    return torch.where(torch.rand(count, generator=generator) < 0.5, normal, between)


def cumulative(sigma: float, tokens: int) -> float:
    """The share of `draw`'s values that are at most `sigma`, for sigma in (1e-3, 1)."""
    mu = shift(tokens)
    low, high = _sigmoid(mu + LOW_Z), _sigmoid(mu + HIGH_Z)

    def below(stretched: float) -> float:
        p = low + stretched * (high - low)
        return _NORMAL.cdf(math.log(p / (1 - p)) - mu) if p > 0 else 0.0

    normal = below(sigma) - below(2 * FLOOR - sigma)  # what was reflected came from below
    return (1 - UNIFORM_SHARE) * normal + UNIFORM_SHARE * (sigma - FLOOR) / (1 - FLOOR)


def quantile(share: float, tokens: int) -> float:
    """The sigma below which `share` of the draws lie, found by bisection; rounded, so that it prints as it
    computes.
    """
    low, high = FLOOR, 1 - 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if cumulative(middle, tokens) < share else (low, middle)
    return round(low, 6)
