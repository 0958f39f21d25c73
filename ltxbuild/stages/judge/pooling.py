"""One vector for a video: its latents pooled over space and time. Knows no sample, clip or test."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

GRID = 4
"""Cells a side of the coarse picture: enough to see where things are, too coarse for texture."""


def pooled(latents: ArrayLike) -> NDArray[np.float32]:
    """Pool normalised latents [C, F, H, W] to [C * 18]: means, deviations, 4x4 grids of means.

    The grid is relative to the frame, so videos of different shapes can be compared. Raises ValueError for
    another rank or for values that are not finite.
    """
    x = np.asarray(latents, dtype=np.float64)
    if x.ndim != 4 or 0 in x.shape:
        raise ValueError(f"latents must be [channels, frames, height, width], not {list(x.shape)}")
    if not np.isfinite(x).all():
        raise ValueError("latents hold values that are not finite")
    picture = x.mean(axis=1)
    rows, columns = _spans(x.shape[2]), _spans(x.shape[3])
    cells = [picture[:, a:b, c:d].mean(axis=(1, 2)) for a, b in rows for c, d in columns]
    parts = [x.mean(axis=(1, 2, 3)), x.std(axis=(1, 2, 3)), np.stack(cells, axis=1).ravel()]
    return np.concatenate(parts).astype(np.float32)


def corners(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    """The four corner cells of a pooled vector, a quarter of the frame, as [C * 4]."""
    return _cells(vector)[:, [0, GRID - 1, GRID * (GRID - 1), GRID * GRID - 1]].ravel()


def centre(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    """The four middle cells of a pooled vector as [C * 4]."""
    return _cells(vector)[:, [5, 6, 9, 10]].ravel()


def distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Root mean square difference of two pooled vectors."""
    return float(np.sqrt(np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2)))


def share_of_way(moved: NDArray[np.floating], way: NDArray[np.floating]) -> float:
    """How much of `way` a movement covers: 1 is all of it, 0 across or not at all, below 0 the other way.

    What moves across counts nothing. A distance would count it against the movement: a vivid subject that is somewhere
    else than in most clips is far from their mean, whatever it looks like.
    """
    goal = np.asarray(way, np.float64)
    return float(np.asarray(moved, np.float64) @ goal / max(float(goal @ goal), 1e-12))


def _cells(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    channels = len(vector) // (2 + GRID * GRID)
    return np.asarray(vector, np.float64)[2 * channels :].reshape(channels, GRID * GRID)


def _spans(size: int) -> list[tuple[int, int]]:
    # As in adaptive pooling: cells may overlap by one where the grid does not divide the frame.
    return [(i * size // GRID, -(-(i + 1) * size // GRID)) for i in range(GRID)]
