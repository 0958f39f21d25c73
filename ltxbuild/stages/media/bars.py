"""Black bars at the edges of a clip: rows and columns that stay dark and even from its first frame to its last."""

from __future__ import annotations

import numpy as np

from ltxbuild.job import JsonDict
from ltxbuild.stages.media.measures import Floats
from ltxbuild.stages.media.seen import Seen

DARK, EVEN = 28.0, 6.0  # luma of 255: the largest mean, and the largest deviation, of a line of a bar


class Bars:
    """The brightest and the least even that each row and column ever is."""

    def __init__(self) -> None:
        self._worst: tuple[Floats, Floats] | None = None

    def see(self, seen: Seen) -> None:
        """Take one frame in."""
        lines = tuple(
            np.maximum(seen.light.mean(axis) / DARK, seen.light.std(axis) / EVEN).astype(np.float32)
            for axis in (1, 0)
        )
        worst = lines if self._worst is None else tuple(map(np.maximum, lines, self._worst))
        self._worst = worst[0], worst[1]

    def facts(self) -> JsonDict:
        """`bars`: the share of the picture that each of four bars takes."""
        bars: JsonDict = dict.fromkeys(("top", "bottom", "left", "right"), 0.0)
        if self._worst is None or all(bool((lines < 1).all()) for lines in self._worst):
            return {"bars": bars}  # black all over is no bar
        for lines, (low, high) in zip(self._worst, (("top", "bottom"), ("left", "right")), strict=True):
            bars[low], bars[high] = _dark_ends(lines)
        return {"bars": bars}


def _dark_ends(lines: Floats) -> tuple[float, float]:
    lit = np.flatnonzero(lines >= 1)
    if len(lit) == 0:
        return 0.0, 0.0
    return round(float(lit[0]) / len(lines), 4), round(float(len(lines) - 1 - lit[-1]) / len(lines), 4)
