"""Which source frame stands at each instant of a constant-rate grid; knows times only, no pixels and no
files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")

# Two frames equally near to an instant must not be told apart by rounding noise: the earlier one wins.
TIE = 1e-6


def as_rate(fps: float) -> Fraction:
    """The rate as an exact fraction: 24 -> 24, 29.97 -> 30000/1001."""
    for rate in (Fraction(round(fps)), Fraction(round(fps * 1.001) * 1000, 1001)):
        if abs(float(rate) - fps) < 0.001 * fps / 2:
            return rate
    return Fraction(fps).limit_denominator(1000)


def grid_length(seconds: float, fps: Fraction) -> int:
    """Frames that fill `seconds`, at least one; the last one ends within half a frame of the end."""
    return max(1, round(seconds * fps))


def resample(
    source: Iterable[tuple[float, float, T]],
    fps: Fraction,
    start: float = 0.0,
    end: float | None = None,
) -> Iterator[T]:
    """The item for each instant start, start + 1/fps, ... counted from the first source time.

    `source` gives (time, duration, item) with times that never decrease. An instant gets the nearest frame if
    that is within half an output frame, else the frame that is on screen: constant rates lose no sharpness of
    timing, and a picture held for seconds is not replaced before its time. Instants are multiples of 1/fps,
    so nothing drifts.
    """
    half = 0.5 / float(fps)
    limit = None if end is None else grid_length(end - start, fps)
    origin: float | None = None
    held: tuple[float, float, T] | None = None
    index = 0
    for time, duration, item in source:
        origin = time if origin is None else origin
        here = time - origin
        if held is not None:
            border = max((held[0] + here) / 2, here - half) + TIE
            while start + index / fps <= border:
                if index == limit:
                    return
                yield held[2]
                index += 1
        held = (here, duration, item)
        if index == limit:
            return
    if held is None:
        return
    close = held[0] + held[1]
    total = grid_length((close if end is None else min(end, close)) - start, fps)
    while index < total:
        yield held[2]
        index += 1
