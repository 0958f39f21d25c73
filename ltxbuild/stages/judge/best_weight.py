"""The weight at which held-out loss is lowest, from losses at several weights. Knows no sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ltxbuild.stages.judge.losses import Losses, log_ratios, weights_of

RESAMPLES = 500
SEED = 20260102
STEP = 0.01


@dataclass(frozen=True)
class BestWeight:
    """`points` are [weight, mean log ratio to weight 0]; `fit` is the cubic; `best` its minimum."""

    best: float
    interval: tuple[float, float] | None
    points: list[tuple[float, float]]
    fit: list[tuple[float, float]]
    clips: int
    at_edge: bool


def best_weight(losses: Losses) -> BestWeight | None:
    """The minimum of a cubic through the held-out losses, or None with fewer than five weights.

    The interval is a percentile bootstrap over clips with a fixed seed; None below three clips.
    """
    weights = weights_of(losses)
    if len(weights) < 5 or weights[0] != 0:
        return None
    by_weight = [log_ratios(losses, w, losses) for w in weights]
    table = np.array([[ys[key] for key in sorted(by_weight[0])] for ys in by_weight])
    x = np.asarray(weights)
    grid = np.arange(0, x[-1] + STEP / 2, STEP)
    fitted = np.polyval(np.polyfit(x, table.mean(axis=1), 3), grid)
    best = float(grid[int(np.argmin(fitted))])
    return BestWeight(
        best=round(best, 2),
        interval=_bootstrap(x, table, grid),
        points=[(float(w), float(y)) for w, y in zip(weights, table.mean(axis=1), strict=True)],
        fit=[(round(float(w), 3), float(y)) for w, y in zip(grid[::5], fitted[::5], strict=True)],
        clips=table.shape[1],
        at_edge=bool(best >= grid[-1] - STEP or best <= 0),
    )


def _bootstrap(
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    table: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    grid: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, float] | None:
    clips = table.shape[1]
    if clips < 3:
        return None
    draws = np.random.default_rng(SEED).integers(0, clips, (RESAMPLES, clips))
    means = table[:, draws].mean(axis=2)
    curves = np.vander(grid, 4) @ np.polyfit(x, means, 3)
    low, high = np.quantile(grid[np.argmin(curves, axis=0)], [0.025, 0.975])
    return float(low), float(high)
