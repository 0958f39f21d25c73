"""What a clip shows in the coarse, and where its edges always are: to compare it with other clips. Judges nothing."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np

from ltxbuild.job import JsonDict
from ltxbuild.stages.media.measures import Floats, hsv
from ltxbuild.stages.media.seen import Pace, Seen

HUES, SATURATIONS, VALUES = 8, 3, 4  # bins of the colours
BORDER = 0.25  # of either side: the background, more often than not
EDGE_GAIN = 4.0  # a mean gradient of 64 a pixel and more is the most that is told apart


class Layout:
    """Colours of the whole and of its border, and the mean gradient at each place, from a few frames."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._whole = np.zeros(HUES * SATURATIONS * VALUES)
        self._border = np.zeros(HUES * SATURATIONS * VALUES)
        self._edges: Floats | None = None

    def see(self, seen: Seen) -> None:
        """Take one frame in."""
        if not self._pace.due(seen.time):
            return
        colours = _bins(seen.picture)
        rows, columns = (int(n * BORDER) for n in colours.shape)
        border = np.ones(colours.shape, bool)
        border[rows : colours.shape[0] - rows, columns : colours.shape[1] - columns] = False
        self._whole += np.bincount(colours.ravel(), minlength=len(self._whole)) / colours.size
        self._border += np.bincount(colours[border], minlength=len(self._border)) / border.sum()
        steep = np.hypot(cv2.Sobel(seen.light, cv2.CV_32F, 1, 0), cv2.Sobel(seen.light, cv2.CV_32F, 0, 1)) / 4
        self._edges = np.asarray(steep if self._edges is None else self._edges + steep, np.float32)

    def facts(self) -> JsonDict:
        """`colours` and `border`: shares of 96 bins of hue, saturation and value, in thousandths.

        `edges_map`: {"width", "data"}, bytes of the mean gradient in rows at half the size, in
        base85.
        """
        looks = max(1, self._pace.looks)
        edges: Any = np.zeros((1, 1)) if self._edges is None else self._edges / looks
        if min(edges.shape) >= 2:
            halved = edges[: edges.shape[0] // 2 * 2, : edges.shape[1] // 2 * 2]
            edges = halved.reshape(halved.shape[0] // 2, 2, -1, 2).mean((1, 3))
        levels = np.clip(edges * EDGE_GAIN, 0, 255).astype(np.uint8)
        return {
            "colours": [round(1000 * float(v) / looks) for v in self._whole],
            "border": [round(1000 * float(v) / looks) for v in self._border],
            "edges_map": {
                "width": levels.shape[1],
                "data": base64.b85encode(np.ascontiguousarray(levels).tobytes()).decode("ascii"),
            },
        }


def _bins(picture: Any) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The bin of each pixel of [h, w, 3] RGB."""
    hue, saturation, value = np.moveaxis(hsv(picture), 2, 0)
    parts = (
        np.minimum(hue / 180 * HUES, HUES - 1).astype(int),
        np.minimum(saturation / 256 * SATURATIONS, SATURATIONS - 1).astype(int),
        np.minimum(value / 256 * VALUES, VALUES - 1).astype(int),
    )
    return np.asarray((parts[0] * SATURATIONS + parts[1]) * VALUES + parts[2])
