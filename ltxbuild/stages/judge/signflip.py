"""The exact one-sided sign-flip test and the interval that inverts it. Knows only numbers.

Under the null hypothesis each paired difference is as likely to have one sign as the other, so all 2^n
sign patterns are equally likely; p is the share whose sum is at least the observed one (Fisher 1935).
The interval comes from Hartigan's theorem (1969): the centre of symmetry falls between neighbours of the
ordered means of all non-empty subsets with equal probability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EXACT = 18
"""Above this many units 2^18 random patterns from a fixed seed stand in for all of them."""
SEED = 20260101


@dataclass(frozen=True)
class Interval:
    """A two-sided interval and the confidence it really has (five units allow at most 93.75 %)."""

    low: float
    high: float
    level: float


def p_greater(differences: Sequence[float], least: float = 0.0) -> float:
    """The one-sided p of "the centre is above `least`". Raises ValueError for no data or NaN."""
    d = _finite(differences) - least
    observed = float(d.sum())
    sums = _flipped_sums(d)
    # Equal sums reached in another order of additions must count as equal.
    slack = 1e-12 * max(1.0, float(np.abs(d).sum()))
    hits = int(np.count_nonzero(sums >= observed - slack))
    return hits / len(sums)


def interval(differences: Sequence[float], level: float = 0.95) -> Interval:
    """The interval of the centre at `level`, or the widest one that the number of units allows."""
    d = _finite(differences)
    means = np.sort(_subset_means(d))
    total = len(means) + 1
    outside = max(1, math.floor((1 - level) / 2 * total + 1e-9))
    return Interval(float(means[outside - 1]), float(means[-outside]), 1 - 2 * outside / total)


def _finite(differences: Sequence[float]) -> NDArray[np.float64]:
    d = np.asarray(differences, dtype=np.float64)
    if d.ndim != 1 or not len(d):
        raise ValueError("a sign-flip test needs at least one difference")
    if not np.isfinite(d).all():
        raise ValueError("a difference is not a finite number")
    return d


def _flipped_sums(d: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(d) > EXACT:
        signs = _random_bits(len(d)) * 2.0 - 1.0
        # The observed pattern is one of those counted, which keeps the p valid.
        return np.append(signs @ d, d.sum())
    sums = np.zeros(1)
    for value in d:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _subset_means(d: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(d) > EXACT:
        bits = _random_bits(len(d))
        bits = bits[bits.sum(1) > 0]
        return np.asarray(bits @ d / bits.sum(1))
    sums, counts = np.zeros(1), np.zeros(1)
    for value in d:
        sums = np.concatenate([sums, sums + value])
        counts = np.concatenate([counts, counts + 1])
    return np.asarray(sums[1:] / counts[1:])


def _random_bits(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(SEED).integers(0, 2, (1 << EXACT, n)).astype(np.float64)
