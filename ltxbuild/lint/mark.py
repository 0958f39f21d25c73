"""Finds what stands at one place in many clips, from maps of their edges. Knows no rule."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

ENOUGH, MOST = 8, 64  # clips that are compared
STEEP, ABOVE = 8.0, 4.0  # mean gradient of 255 a pixel; and over the map's median
AREA = 0.0035  # of the picture
WIDE = 60  # columns of a map: in smaller ones a subject in the middle of each clip looks like a mark
GAIN = 4.0  # the maps hold four times the gradient

Map = Mapping[str, Any]
Box = tuple[float, float, float, float]


def common_mark(maps: Mapping[str, Map]) -> Box | None:
    """Left, top, width and height in shares of the picture of the largest mark, or None.

    Maps of {"width", "data"} (bytes in base85) by clip; those of the most frequent size are compared.
    """
    sizes: dict[tuple[int, int], list[Map]] = defaultdict(list)
    for entry in maps.values():
        sizes[int(entry["width"]), len(entry["data"])].append(entry)
    chosen = max(sizes.values(), key=len, default=[])[:MOST]
    if len(chosen) < ENOUGH or chosen[0]["width"] < WIDE:
        return None
    # Here and not above: commands that only know the rules' names load no numpy.
    import cv2
    import numpy as np

    flat = [np.frombuffer(base64.b85decode(entry["data"]), np.uint8) for entry in chosen]
    common = np.median(np.stack(flat).reshape(len(flat), -1, chosen[0]["width"]), axis=0) / GAIN
    limit = max(STEEP, ABOVE * float(np.median(common)))
    count, _, stats, _ = cv2.connectedComponentsWithStats((common > limit).astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    left, top, wide, tall, area = (int(v) for v in max(stats[1:], key=lambda row: row[4]))
    if area < AREA * common.size:
        return None
    height, width = common.shape
    return left / width, top / height, wide / width, tall / height
