"""Rules about the clips as a set. They read scans, never a file."""

from __future__ import annotations

from collections.abc import Iterator

from ltxbuild.job import JsonDict
from ltxbuild.lint.facts import SetFacts
from ltxbuild.lint.rule import SETTINGS, Hit, Severity, rule
from ltxbuild.lint.similarity import near_pairs, numbers

NEAR = 10  # differing bits of 64: crop and recompression measure 6, distinct clips 26 and more
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
    for one, other, distance in near_pairs(frames, NEAR):
        message = f"{dataset.path(other)} is almost {dataset.path(one)} ({distance:g} of 64 bits differ)"
        evidence: JsonDict = {"distance": distance, "limit": NEAR, "other": one}
        yield Hit(message, dataset.path(other), other, evidence=evidence)


RULES = (count, near_duplicate)
