"""Which pieces of long footage become clips: one shot each, of a length that trains well. Knows no file."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Piece:
    """A stretch in seconds; `why` says why it is left out, "" if it is a clip."""

    start: float
    end: float
    why: str = ""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def pieces(shots: Mapping[str, Any], least: float, most: float) -> list[Piece]:
    """The stretches of the footage in order: shots, longer ones in equal parts; too short, black, still ones left out."""
    edges = [0.0, *shots["cuts"], shots["duration"]]
    found: list[Piece] = []
    for start, end in itertools.pairwise(edges):
        for piece in _without(Piece(start, end), (("black", shots["black"]), ("still", shots["frozen"]))):
            found += [piece] if piece.why else _sized(piece, least, most)
    return found


def _without(shot: Piece, bad: Sequence[tuple[str, Sequence[Sequence[float]]]]) -> Iterator[Piece]:
    """The shot's parts between what is black or still, and those."""
    holes = sorted(
        (max(a, shot.start), min(b, shot.end), why)
        for why, spans in bad
        for a, b in spans
        if a < shot.end and b > shot.start
    )
    at = shot.start
    for start, end, why in holes:
        if start > at:
            yield Piece(at, start)
        if end > at:
            yield Piece(max(at, start), end, why)
            at = end
    if shot.end > at:
        yield Piece(at, shot.end)


def _sized(piece: Piece, least: float, most: float) -> list[Piece]:
    """Equal parts; where the range is too narrow for that, the longest ones and a rest that is left out."""
    parts = max(1, math.ceil(piece.seconds / most - 1e-9))
    equal = piece.seconds / parts >= least
    length = piece.seconds / parts if equal else most
    edges = [piece.start]
    while piece.end - edges[-1] > length + 1e-3:
        edges.append(round(edges[-1] + length, 4))
    made = [Piece(a, b) for a, b in pairwise([*edges, piece.end])]
    short = f"shorter than {least:g} s"
    return [p if p.seconds >= least - 1e-3 else Piece(p.start, p.end, short) for p in made]


def plain_stem(stem: str) -> str:
    """The footage's name in the signs of a bare key."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_-") or "clip"


def clip_name(stem: str, piece: Piece) -> str:
    """`holiday_0012s40_0016s20`: source and times, a name that captions.toml takes without quotes."""

    def at(seconds: float) -> str:
        hundredths = round(seconds * 100)
        return f"{hundredths // 100:04d}s{hundredths % 100:02d}"

    return f"{plain_stem(stem)}_{at(piece.start)}_{at(piece.end)}"
