"""Where one shot ends and the next begins, from the change between frames; knows no pixels and no files."""

from __future__ import annotations

from collections.abc import Sequence

RATIO = 3.0  # a cut changes this many times as much as its neighbours
CONTENT = 15.0  # and at least this much, mean of H, S, V on a scale of 0 to 255
WINDOW = 2  # neighbours looked at on each side
HELD = 0.35  # on the same scale: below it a frame repeats the one before


def find_cuts(changes: Sequence[float]) -> list[tuple[int, float]]:
    """(index, ratio) of each frame that begins a new shot, by the adaptive content detector of PySceneDetect.

    `changes[i]` is the change from frame i - 1 to frame i; changes[0] is ignored. Shots may be one frame
    long. Repeated frames are left out first, or animation that moves on every third frame would look like a
    row of cuts.
    """
    moving = [i for i in range(1, len(changes)) if changes[i] >= HELD]
    cuts = []
    for place, index in enumerate(moving):
        content = changes[index]
        if content < CONTENT:
            continue
        around = moving[max(0, place - WINDOW) : place] + moving[place + 1 : place + 1 + WINDOW]
        mean = sum(changes[i] for i in around) / len(around) if around else 0.0
        ratio = content / mean if mean > content / 255 else 255.0
        if ratio >= RATIO:
            cuts.append((index, round(ratio, 2)))
    return cuts


def find_frozen(
    times: Sequence[float], differences: Sequence[float], threshold: float = 0.35 / 255, least: float = 0.5
) -> list[tuple[float, float]]:
    """Stretches [start, end] in seconds, at least `least` long, of frames that repeat the one before."""
    stretches = []
    start: int | None = None
    for i in range(1, len(times) + 1):
        still = i < len(times) and differences[i] < threshold
        if still and start is None:
            start = i - 1
        if not still and start is not None:
            if times[i - 1] - times[start] >= least:
                stretches.append((times[start], times[i - 1]))
            start = None
    return stretches
