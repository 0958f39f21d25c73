"""Flashes and dissolves, from the change between small pictures; knows no files. Cuts are found in `cuts`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltxbuild.stages.media.measures import Floats

LARGE = 25.0  # mean luma difference, of 255, between pictures that show different things
BACK = 0.3  # of the change into a flash: at most this is left after it
HALF = 0.25  # seconds on either side of the middle of a dissolve
MIXED = 0.12  # of the change: how far the middle of a dissolve is from the mean of its ends


def find_flashes(small: Sequence[Floats]) -> list[int]:
    """Indices of single frames that differ from both neighbours, which are alike."""
    found = []
    for i in range(1, len(small) - 1):
        into, out, across = (
            float(np.abs(a - b).mean())
            for a, b in (
                (small[i], small[i - 1]),
                (small[i + 1], small[i]),
                (small[i + 1], small[i - 1]),
            )
        )
        if min(into, out) > LARGE and across < BACK * min(into, out):
            found.append(i)
    return found


def find_dissolves(times: Sequence[float], small: Sequence[Floats]) -> list[float]:
    """Times of the middles of crossfades and fades, which no detector of cuts sees.

    There a picture is the mean of those before and after it, though these differ; in a pan or under moving things
    it is not.
    """
    found: list[float] = []
    low = high = 0
    for i, time in enumerate(times):
        while times[low] < time - HALF - 1e-6:
            low += 1
        while high < len(times) - 1 and times[high] < time + HALF - 1e-6:
            high += 1
        if time - times[low] < HALF * 0.8 or times[high] - time < HALF * 0.8:
            continue
        change = float(np.abs(small[high] - small[low]).mean())
        if change <= LARGE:
            continue
        position = (time - times[low]) / (times[high] - times[low])
        mixed = small[low] + (small[high] - small[low]) * position
        if float(np.abs(small[i] - mixed).mean()) < MIXED * change and (
            not found or time - found[-1] > 2 * HALF
        ):
            found.append(time)
    return found
