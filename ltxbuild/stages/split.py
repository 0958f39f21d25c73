"""The choice of held-out clips: stable under additions, near-duplicates together. Knows no file.

Counts are those of the design: 2 clips, 3 from 20, 5 from 30; in quality below 20 clips every clip trains and
windows are held out instead, which flatters, because the clip itself is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

FEWEST = 4
"""Clips below which nothing can be spared."""
ALL_TRAIN_BELOW = 20
NEAR = 10
"""Median Hamming distance of 64-bit hashes up to which two clips are one: recompressed 6, distinct 26 and
more.
"""
MEASURED_WINDOWS = 2
"""Windows a held-out clip is measured on: more cost time and tell the same."""


@dataclass(frozen=True)
class Candidate:
    """One clip as the split sees it; `order` decides who is held out first."""

    key: str
    order: str
    hashes: tuple[int, ...]
    windows: int
    marked: bool


@dataclass
class Split:
    """Keys held out, and by key the windows whose loss is measured."""

    held: set[str] = field(default_factory=set)
    measured: dict[str, list[int]] = field(default_factory=dict)
    optimistic: bool = False
    note: str = ""


def split(candidates: Sequence[Candidate], mode: str, wanted: bool) -> Split:
    """Choose; clips marked by the user win over every rule except `wanted` = False."""
    if not wanted:
        return Split(note="no clip is held out, as the project asks: overfitting cannot be judged")
    groups = near_groups(candidates)
    marked = [group for group in groups if any(c.marked for c in group)]
    if marked:
        return _hold(
            [c for group in marked for c in group], "the clips marked with holdout = true are held out"
        )
    count = len(candidates)
    if count < FEWEST:
        return Split(note=f"no clip is held out: {count} are too few; overfitting cannot be judged")
    number = 5 if count >= 30 else 3 if count >= 20 else 2
    if mode == "quality" and count < ALL_TRAIN_BELOW:
        return _hold_windows(candidates, number)
    held = _take(groups, number)
    if not held:
        return Split(
            note="no clip is held out: all are near-duplicates of one another; overfitting cannot be judged"
        )
    return _hold(held, f"{len(held)} of {count} clips are held out")


def near_groups(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Clips that look alike, directly or through others, in one group; groups and members by lowest order."""
    ordered = sorted(candidates, key=lambda c: c.order)
    groups: list[list[Candidate]] = []
    for clip in ordered:
        near = [group for group in groups if any(alike(clip, other) for other in group)]
        merged = sorted([*(c for group in near for c in group), clip], key=lambda c: c.order)
        groups = [group for group in groups if group not in near] + [merged]
    return sorted(groups, key=lambda group: group[0].order)


def alike(a: Candidate, b: Candidate) -> bool:
    """Whether two clips are near-duplicates by their perceptual hashes."""
    if not a.hashes or len(a.hashes) != len(b.hashes):
        return False
    return median(bin(x ^ y).count("1") for x, y in zip(a.hashes, b.hashes, strict=True)) <= NEAR


def _take(groups: Sequence[Sequence[Candidate]], number: int) -> list[Candidate]:
    held: list[Candidate] = []
    for group in groups:
        if len(held) + len(group) <= number:
            held += group
    return held


def _hold(held: Sequence[Candidate], note: str) -> Split:
    measured = {c.key: list(range(min(c.windows, MEASURED_WINDOWS))) for c in held}
    return Split({c.key for c in held}, measured, note=note)


def _hold_windows(candidates: Sequence[Candidate], number: int) -> Split:
    """The last window of the first clips that have several; without such clips, windows that train are
    measured too.
    """
    ordered = sorted(candidates, key=lambda c: c.order)
    several = [c for c in ordered if c.windows > 1][:number]
    chosen = several or ordered[:number]
    measured = {c.key: [c.windows - 1] for c in chosen}
    what = "one window each of" if several else "windows that also train, of"
    note = f"all clips train; measured are {what} {len(chosen)} clips, so the loss is optimistic"
    return Split(measured=measured, optimistic=True, note=note)
