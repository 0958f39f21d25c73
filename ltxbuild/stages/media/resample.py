"""Which source frame stands at each instant of a constant-rate grid; knows times only, no pixels and no
files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


@dataclass
class Grid:
    """The instants of the output: from the first frame at or after `start`, every 1/`rate`, before `end`
    (seconds).

    Filled while resampling: `origin`, the file's time of its first frame; `base`, the first instant after it.
    """

    rate: Fraction
    start: float = 0.0
    end: float | None = None
    origin: float | None = None
    base: float | None = None

    def instant(self, index: int) -> float:
        """Seconds from the origin. A multiple of 1/rate, not a sum, so that nothing drifts."""
        return (self.base or 0.0) + float(index / self.rate)

    def begin(self, here: float, held: bool) -> bool:
        """Set `base` by the first frame at or after `start`; true if the picture held until then is shown
        first.
        """
        late = held and here - self.start >= 1 / self.rate
        self.base = self.start if late else here
        return late


def resample(source: Iterable[tuple[float, float, T]], grid: Grid) -> Iterator[T]:
    """The item for each instant of the grid; `source` gives (time, duration, item), times never decreasing.

    An instant gets the nearest frame if that is within half an output frame, else the frame that is on
    screen: constant rates lose no sharpness of timing, and a picture held for seconds is not replaced before
    its time. No frame before `start`, from another shot perhaps, is used, unless it is such a held picture;
    none from `end` on.
    """
    half = 0.5 / float(grid.rate)
    held: tuple[float, float, T] | None = None
    index = 0
    close = 0.0
    for time, duration, item in source:
        grid.origin = time if grid.origin is None else grid.origin
        here = time - grid.origin
        if grid.end is not None and here >= grid.end - TIE:
            close = grid.end
            break
        if grid.base is None and here >= grid.start - TIE and not grid.begin(here, held is not None):
            held = None
        if held is not None and grid.base is not None:
            border = max((held[0] + here) / 2, here - half) + TIE
            while grid.instant(index) <= border:
                yield held[2]
                index += 1
        held = (here, duration, item)
        close = here + duration if grid.end is None else min(grid.end, here + duration)
    if held is None or (grid.base is None and close <= grid.start):
        return
    grid.base = grid.start if grid.base is None else grid.base
    while index < grid_length(close - grid.base, grid.rate):
        yield held[2]
        index += 1
