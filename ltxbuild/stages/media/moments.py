"""The moments of a clip that a finding may be about: which frames show it. Knows no rule and draws nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltxbuild.stages.media.measures import Picture
from ltxbuild.stages.media.strip import Sampler

MOST = 12  # of a clip
BESIDE = 0.25  # seconds on either side of the middle of a dissolve


@dataclass(frozen=True)
class Moment:
    """`time` in seconds of the clip, as findings name it, and the numbers of the frames before and from it on."""

    time: float
    before: tuple[int, ...]
    after: tuple[int, ...]

    def pictures(self, kept: Sampler) -> list[Picture]:
        """Its pictures in order, as near as they were kept; on the right side of a cut always."""
        return [*(kept.before(i) for i in self.before), *(kept.after(i) for i in self.after)]


def find_moments(facts: Mapping[str, Any], first_black: float | None, times: Sequence[float]) -> list[Moment]:
    """Cuts, flashes, dissolves, what stands still, lettering and the first black frame, of a scan's facts; 12 at most."""

    def at(time: float) -> int:
        return min(bisect_left(times, time - 1e-4), len(times) - 1)

    found = []
    for cut in facts["cuts"]:
        index = at(cut["time"])
        found.append(Moment(cut["time"], (index - 1,), (index,)))
    for flash in facts["flashes"]:
        index = at(flash)
        found.append(Moment(flash, (index - 1,), (index, index + 1)))
    for middle in facts["dissolves"]:
        start, end = at(middle - BESIDE), bisect_right(times, middle + BESIDE + 1e-4) - 1
        found.append(Moment(middle, (start,), (at(middle), end)))
    for start, end in facts["frozen"][:1]:
        found.append(Moment(start, (at(start),), (at(end),)))
    if facts["letters"]:
        # The rule names all lines at once, by the time of the first.
        first = min(facts["letters"], key=lambda line: line["from"])
        found.append(Moment(first["from"], (), (at((first["from"] + first["to"]) / 2),)))
    if first_black is not None:
        found.append(Moment(first_black, (), (at(first_black),)))
    return found[:MOST]
