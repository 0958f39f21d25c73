"""The Mann-Whitney test by exact counting; knows only numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def p_smaller(sample: Sequence[float], reference: Sequence[float]) -> float:
    """One-sided p of "`sample` tends to lie below `reference`" (Mann and Whitney 1947), ties counted half.

    The null distribution is exact without ties; ties make it slightly conservative. Raises ValueError if
    either is empty or a value is not finite.
    """
    a, b = np.asarray(sample, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if not len(a) or not len(b) or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a Mann-Whitney test needs two samples of finite numbers")
    above = (a[:, None] > b[None, :]).sum() + 0.5 * (a[:, None] == b[None, :]).sum()
    counts = _patterns(len(a), len(b))
    return float(counts[: math.floor(above) + 1].sum() / counts.sum())


def _patterns(m: int, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How many of the arrangements of m and n have each value of U: the Gaussian binomial's coefficients."""
    size = m * n + 1
    counts = np.zeros(size)
    counts[0] = 1.0
    for i in range(1, m + 1):
        top = n + i
        if top < size:
            # Multiply by (1 - q^(n+i)); from the end, so that old values are read.
            counts[top:] = counts[top:] - counts[:-top].copy()
        for k in range(i, size):
            counts[k] += counts[k - i]
    return counts
