"""Rules about the clips as a set. They read scans, never a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ltxbuild.job import JsonDict
from ltxbuild.lint.facts import SetFacts
from ltxbuild.lint.mark import common_mark
from ltxbuild.lint.rule import CAPTIONS, SETTINGS, Hit, Severity, rule
from ltxbuild.lint.similarity import and_more, near_pairs, nearest_pairs, numbers

NEAR = 10  # differing bits of 64: crop and recompression measure 6, distinct clips 26 and more
MOST_COMPARED = 400  # clips: pairs grow with the square of their number
CONTINUED = 4  # of 64 bits
ENOUGH_TO_BALANCE, MOST_OF_IT = 8, 0.25  # clips; share of the draws
BETTER_FROM = 20  # clips, for character and world


@rule("SET401", "count", "W", "set")
def count(dataset: SetFacts) -> Iterator[Hit]:
    """Too few clips, or unusually many.

    None at all is an error. Below 8 clips overfitting is likely: an error in quality mode, a warning in fast.
    10 to 40 are usual; character and world gain up to 20 and more (training guide). Clips that cannot be read
    do not count.
    """
    number = sum(scan["error"] is None for scan in dataset.scans.values())
    least = int(dataset.ranges.number("fewest"))
    low, high = (int(n) for n in dataset.ranges.pair("count"))
    evidence = {"clips": number, "low": low, "high": high}
    if number == 0:
        yield Hit("no clip to learn from: put clips into clips/", SETTINGS, severity="E", evidence=evidence)
    elif number < least:
        severity: Severity = "E" if dataset.mode == "quality" else "W"
        message = f"{number} clips: below {least} the LoRA repeats them instead of learning"
        yield Hit(message, SETTINGS, severity=severity, evidence=evidence)
    elif not low <= number <= high:
        yield Hit(f"{number} clips: {low} to {high} are usual", SETTINGS, evidence=evidence)
    elif low < BETTER_FROM <= high and number < BETTER_FROM and dataset.type in ("character", "world"):
        message = f"{number} clips work for a {dataset.type}; {BETTER_FROM} to {high} are better"
        yield Hit(message, SETTINGS, severity="I", evidence=evidence)


@rule("SET402", "near-duplicate", "W", "set")
def near_duplicate(dataset: SetFacts) -> Iterator[Hit]:
    """Two clips show almost the same.

    Five frames of each are compared by 64-bit perceptual hashes; a median distance of 10 bits or less counts.
    Their content is learned twice as strongly, and a held-out one would flatter the result. Keep one of them.
    """
    readable = {key: scan["hash"] for key, scan in sorted(dataset.scans.items()) if scan["error"] is None}
    frames = {
        key: numbers([str(h) for h in found]) for key, found in readable.items() if isinstance(found, list)
    }
    for one, other, distance, more in nearest_pairs(near_pairs(frames, NEAR)):
        message = f"{dataset.path(other)} is almost {dataset.path(one)} ({distance:g} of 64 bits differ)"
        evidence: JsonDict = {"distance": distance, "limit": NEAR, "other": one, "more": more}
        yield Hit(message + and_more(more), dataset.path(other), other, evidence=evidence)


@rule("SET403", "mirrored", "W", "set")
def mirrored(dataset: SetFacts) -> Iterator[Hit]:
    """A clip is another one mirrored: the same content twice, and left and right are lost.

    Compared as for near-duplicates (SET402), with one of the two flipped, in sets of up to 400 clips. Keep one of them.
    """
    own = dict(own_scans(dataset))
    if len(own) > MOST_COMPARED:
        return
    frames = {key: numbers([str(h) for h in scan["hash"]]) for key, scan in own.items()}
    flipped = {key: numbers([str(h) for h in scan["mirrored"]]) for key, scan in own.items()}
    for one, other, distance in near_pairs(frames, NEAR, flipped):
        message = f"{dataset.path(other)} is {dataset.path(one)} mirrored ({distance:g} of 64 bits differ)"
        evidence: JsonDict = {"distance": distance, "limit": NEAR, "other": one}
        yield Hit(message, dataset.path(other), other, evidence=evidence)


@rule("SET407", "continued-shot", "W", "set")
def continued_shot(dataset: SetFacts) -> Iterator[Hit]:
    """A clip begins where another one ends: pieces of one shot.

    The hash of its first frame differs from that of the other's last frame by 4 of 64 bits or less. Neighbouring
    pieces show the same place, light and camera move; take one of them, or pieces far from each other. Looked for in
    sets of up to 400 clips.
    """
    ends = {key: numbers([str(h) for h in scan["ends"]]) for key, scan in own_scans(dataset)}
    if len(ends) > MOST_COMPARED:
        return
    for one, first in ends.items():
        for other, second in ends.items():
            if one == other or len(first) + len(second) < 4:
                continue
            distance = (first[1] ^ second[0]).bit_count()
            # A clip in which nothing moves ends as it begins: that is SET402's.
            if distance <= CONTINUED < (first[0] ^ second[1]).bit_count():
                message = f"{dataset.path(other)} begins where {dataset.path(one)} ends ({distance} of 64 bits differ)"
                evidence: JsonDict = {"distance": distance, "limit": CONTINUED, "other": one}
                yield Hit(message, dataset.path(other), other, evidence=evidence)


@rule("PIX113", "overlay", "W", "set")
def overlay(dataset: SetFacts) -> Iterator[Hit]:
    """The same mark stands in most clips: a watermark or a logo, which the LoRA would draw.

    In the median over at least 8 clips of one size, the mean gradient of the picture leaves a connected piece of more
    than 0.35 % of its area with over 8 of 255 a pixel, at least four times the median of all. What differs from clip
    to clip averages out. Clips that are near-duplicates can fool it: remove those first.
    """
    maps = {
        key: scan["edges_map"]
        for key, scan in sorted(dataset.scans.items())
        if scan["error"] is None and scan["frames"] != 1
    }
    found = common_mark(maps)
    if found is not None:
        left, top, wide, tall = found
        message = f"the same mark stands in most clips, {left:.0%} from the left and {top:.0%} from the top: crop it off"
        evidence: JsonDict = {"left": left, "top": top, "width": wide, "height": tall}
        evidence |= {"boxes": [[left, top, wide, tall]], "other": _of_usual_size(maps)}
        yield Hit(message, "clips/", evidence=evidence)


def _of_usual_size(maps: Mapping[str, Mapping[str, Any]]) -> str:
    """A clip whose picture has the size that most have."""
    size = {key: (entry["width"], len(entry["data"])) for key, entry in maps.items()}
    (usual, _), *_ = Counter(size.values()).most_common(1)
    return next(key for key in maps if size[key] == usual)


@rule("SET408", "unbalanced", "W", "set")
def unbalanced(dataset: SetFacts) -> Iterator[Hit]:
    """One clip makes up more than a quarter of what training sees, by its `repeats` and `weight`.

    Asked of sets of 8 clips and more; the share is a proposal of ours. The LoRA learns that clip by heart: its place, its
    light and its camera go into the trigger with the concept. Lower them, or add clips of the same kind.
    """
    drawn = {key: dataset.repeats.get(key, 1) for key, _ in own_scans(dataset)}
    whole = sum(drawn.values())
    if len(drawn) < ENOUGH_TO_BALANCE:
        return
    for key, times in drawn.items():
        if times > MOST_OF_IT * whole:
            share = times / whole
            message = f"{dataset.path(key)} is {share:.0%} of what training sees (drawn {times:g} times as often as others)"
            yield Hit(
                message,
                CAPTIONS,
                key,
                evidence={"share": round(share, 3), "repeats": times},
                fix="lower `repeats` or `weight`",
            )


def own_scans(dataset: SetFacts) -> list[tuple[str, Mapping[str, Any]]]:
    """Key and scan of each readable clip, in order."""
    return [(key, scan) for key, scan in sorted(dataset.scans.items()) if scan["error"] is None]


RULES = (count, near_duplicate, mirrored, continued_shot, overlay, unbalanced)
