"""Whether moving edges are combs, as two fields of different instants in one frame make them. Judges nothing."""

from __future__ import annotations

from statistics import median

import numpy as np

from ltxbuild.job import JsonDict
from ltxbuild.stages.media.measures import Floats
from ltxbuild.stages.media.seen import EVERY, MOST, Seen

MOVED = 15.0  # luma of 255 by which a pixel must change to count
LEAST = 200  # pixels


class Combing:
    """Pairs of neighbouring frames, one every half second."""

    def __init__(self) -> None:
        self._next = 0.0
        self._before: Floats | None = None
        self._found: list[float] = []

    def see(self, seen: Seen) -> None:
        """Take one frame in."""
        if self._before is not None:
            ratio = comb_ratio(self._before, seen.full)
            self._before = None
            if ratio is not None:
                self._found.append(ratio)
        elif seen.time >= self._next and len(self._found) < MOST:
            self._next, self._before = seen.time + EVERY, seen.full

    def facts(self) -> JsonDict:
        """`combing`: the median ratio, 0 where nothing moves."""
        return {"combing": round(float(median(self._found)), 3) if self._found else 0.0}


def comb_ratio(before: Floats, after: Floats) -> float | None:
    """How far moving pixels are from their neighbours in the other field, over how far these are from each other.

    None for too few moving pixels. Progressive film measures 0.4 to 0.9, interlaced 2 and more.
    """
    if before.shape != after.shape or after.shape[0] < 8:
        return None
    moved = np.abs(after - before)[1:-1] > MOVED
    if int(moved.sum()) < LEAST:
        return None
    above, here, below = after[:-2], after[1:-1], after[2:]
    across = np.abs(2 * here - above - below)[moved].mean() / 2
    along = np.abs(above - below)[moved].mean()
    return float(across / (along + 1.0))
