"""Lines of lettering over a picture, found by their form: flat white or black signs of one height in a row.

It reads nothing and knows no script; thin, coloured or handwritten letters escape it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ltxbuild.job import Json, JsonDict
from ltxbuild.stages.media.measures import Floats
from ltxbuild.stages.media.seen import Pace, Seen
from ltxbuild.stages.media.sharpness import scaled_down

EVERY, MOST = 0.25, 48  # seconds between two frames that are looked at, and how many of them at most
SIDE = 480  # longer side at which letters are looked for
BRIGHT, DARK = 225, 24  # luma of 255
FLAT = 9.0  # largest deviation of luma inside a letter
LOW, HIGH = 6, 120  # pixels of a letter's height
LEAST = 5  # letters of a line
# Titles whose letters run into each other: pure white pieces, of which clouds and snow hold none so even.
PIECES, PIECE, PURE, EVEN = 3, 0.005, 250, 0.6  # how many; share of the picture; median luma; its deviation
STAYS = 0.45  # seconds that a line must stand in its place
OVERLAP = 0.5  # of the smaller box: two lines are one

Box = tuple[int, int, int, int]  # left, top, width, height


@dataclass
class Line:
    """A line of letters, from its first to its last time in seconds."""

    box: Box
    first: float
    last: float


class Lettering:
    """Lines that stand in one place for some time."""

    def __init__(self) -> None:
        self._pace = Pace(EVERY, MOST)
        self._size = (1, 1)
        self._lines: list[Line] = []

    def see(self, seen: Seen) -> None:
        """Take one frame in."""
        if not self._pace.due(seen.time):
            return
        light = scaled_down(seen.full, SIDE)
        self._size = light.shape[1], light.shape[0]
        for box in lines_of(light):
            # A line seen at the last look or the one before it is the same: letters fade and flicker.
            for line in self._lines:
                if same(line.box, box) and seen.time - line.last < 2.5 * EVERY:
                    line.last = seen.time
                    break
            else:
                self._lines.append(Line(box, seen.time, seen.time))

    def facts(self) -> JsonDict:
        """`letters`: lines that stay, as {"from", "to", "box": [left, top, width, height]} in shares of the picture."""
        width, height = self._size
        lines: list[Json] = [
            {
                "from": round(line.first, 3),
                "to": round(line.last, 3),
                "box": [round(v / side, 3) for v, side in zip(line.box, (width, height) * 2, strict=True)],
            }
            for line in self._lines
            if line.last - line.first >= STAYS
        ]
        return {"letters": lines}


def lines_of(light: Floats) -> Iterator[Box]:
    """Boxes of the lines in one picture [h, w] of luma 0 to 255."""
    for mask in (light > BRIGHT, light < DARK):
        letters = sorted(_letters(light, mask))
        while letters:
            row = [letters.pop(0)]
            for letter in list(letters):
                if _beside(row[-1], letter):
                    row.append(letter)
                    letters.remove(letter)
            if len(row) >= LEAST:
                yield _around(row)
    pieces = list(_pieces(light))
    if len(pieces) >= PIECES:
        yield _around(pieces)


def _pieces(light: Floats) -> Iterator[Box]:
    height, width = light.shape
    mask = light > BRIGHT
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for index in range(1, count):
        left, top, wide, tall, area = (int(v) for v in stats[index])
        at_edge = left == 0 or top == 0 or left + wide == width or top + tall == height
        if at_edge or area < PIECE * height * width:
            continue
        inside = light[labels == index]
        middle = float(np.median(inside))
        if middle >= PURE and float(np.median(np.abs(inside - middle))) <= EVEN:
            yield left, top, wide, tall


def _letters(light: Floats, mask: np.ndarray[Any, Any]) -> Iterator[Box]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for index in range(1, count):
        left, top, width, height, area = (int(v) for v in stats[index])
        slim = 0.08 * height <= width <= 2.0 * height
        if not LOW <= height <= HIGH or not slim or not 0.2 <= area / (width * height) <= 0.98:
            continue
        inside = light[top : top + height, left : left + width][
            labels[top : top + height, left : left + width] == index
        ]
        if float(inside.std()) <= FLAT:
            yield left, top, width, height


def _beside(one: Box, other: Box) -> bool:
    """Whether `other` can be the letter after `one`, or after a space."""
    level = abs((one[1] + one[3]) - (other[1] + other[3])) <= 0.25 * max(one[3], other[3])
    tall = 0.55 <= one[3] / other[3] <= 1.8
    gap = other[0] - (one[0] + one[2])
    return level and tall and -0.3 * one[3] <= gap <= 1.5 * max(one[3], other[3])


def _around(row: list[Box]) -> Box:
    left, top = min(b[0] for b in row), min(b[1] for b in row)
    return left, top, max(b[0] + b[2] for b in row) - left, max(b[1] + b[3] for b in row) - top


def same(one: Box, other: Box) -> bool:
    """Whether two boxes cover half of the smaller one together."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    tall = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return wide > 0 and tall > 0 and wide * tall >= OVERLAP * min(one[2] * one[3], other[2] * other[3])
