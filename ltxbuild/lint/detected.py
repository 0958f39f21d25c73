"""Rules about the subject as a detector found it: they run where `[lint] detector` names one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from ltxbuild.job import JsonDict
from ltxbuild.lint.facts import SubjectFacts
from ltxbuild.lint.rule import Hit, rule

SMALL = 0.05  # of the picture
SEEN = 0.6  # of the pictures
ENOUGH, ALIKE = 8, 1.5  # clips; largest area over smallest
BESIDE = 0.25  # of the largest one's area: what is smaller stands in the background


@rule("SUB301", "not-dominant", "W", "asked")
def not_dominant(clip: SubjectFacts) -> Iterator[Hit]:
    """The subject is small, or is not seen for much of the clip.

    A detector looks for the class word in six pictures: the surest box covers less than 5 % of the picture (the median
    over those in which it is), or there is one in less than 60 % of them. What is small is learned from few tokens, and
    what stands around it is learned instead. Crop closer, or set `start` and `end`. Asked of characters and objects.
    """
    if not clip.pictures:
        return
    best = [boxes[0] for boxes in clip.pictures if boxes]
    number, seen = len(clip.pictures), len(best)
    evidence: JsonDict = {"pictures": number, "seen": seen}
    if seen < SEEN * number:
        message = f"{clip.path} shows no {clip.word} in {number - seen} of {number} pictures"
        empty = next(i for i, boxes in enumerate(clip.pictures) if not boxes)
        fix = "set `start` and `end`; if it is there, the detector errs: ignore SUB301 for this clip"
        yield Hit(message, clip.path, clip.key, evidence={**evidence, "picture": empty, "boxes": []}, fix=fix)
        return
    share = median(map(_area, best))
    if share < SMALL:
        message = f"the {clip.word} covers {share:.1%} of the picture in {clip.path}, under {SMALL:.0%}"
        where = next(i for i, boxes in enumerate(clip.pictures) if boxes)
        evidence |= {"share": round(share, 4), "picture": where, "boxes": [_corner(clip.pictures[where][0])]}
        yield Hit(message, clip.path, clip.key, evidence=evidence, fix="crop closer, or leave it out")


@rule("SUB302", "several-subjects", "W", "asked")
def several_subjects(clip: SubjectFacts) -> Iterator[Hit]:
    """The clip shows more than one of what the class word names: which of them is the subject?

    In at least 60 % of six pictures a detector finds two, the smaller of them with a quarter or more of the larger one's
    area. The LoRA would learn their mean. Crop the others away, or say in the caption who they are. Asked of characters
    and objects.
    """
    if not clip.pictures:
        return
    crowded = [i for i, boxes in enumerate(clip.pictures) if len(_large(boxes)) > 1]
    if len(crowded) >= SEEN * len(clip.pictures):
        boxes = _large(clip.pictures[crowded[0]])
        message = (
            f"{clip.path} shows more than one {clip.word} in {len(crowded)} of {len(clip.pictures)} pictures"
        )
        evidence: JsonDict = {"pictures": len(clip.pictures), "crowded": len(crowded), "picture": crowded[0]}
        evidence |= {"boxes": [_corner(box) for box in boxes]}
        yield Hit(message, clip.path, clip.key, evidence=evidence, fix="crop the others away")


@rule("SUB304", "one-framing", "I", "asked")
def one_framing(clips: Sequence[SubjectFacts]) -> Iterator[Hit]:
    """All clips show the subject at one size: close-ups alone, or nothing but long shots.

    Over at least 8 clips in which a detector finds it, nine in ten of the median areas of its box are within a factor of
    1.5 of each other; the figures are a proposal of ours. The framing becomes part of the trigger. Mix close, middle and
    long shots.
    """
    found = [[_area(boxes[0]) for boxes in clip.pictures if boxes] for clip in clips]
    sizes = sorted(median(areas) for areas in found if areas)
    if len(sizes) < ENOUGH:
        return
    spared = len(sizes) // 20  # at either end
    low, high = sizes[spared], sizes[-1 - spared]
    if low >= SMALL and high < ALIKE * low:
        message = f"the {clips[0].word} covers {low:.0%} to {high:.0%} of the picture in nearly all of {len(sizes)} clips"
        evidence: JsonDict = {"clips": len(sizes), "low": round(low, 4), "high": round(high, 4)}
        yield Hit(message, "clips/", evidence=evidence, fix="mix close, middle and long shots")


Box = Sequence[float]


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _large(boxes: Sequence[Box]) -> list[Box]:
    largest = max(map(_area, boxes), default=0.0)
    return [box for box in boxes if _area(box) >= BESIDE * largest]


def _corner(box: Box) -> list[float]:
    """Left, top, width and height, as pages draw them."""
    return [round(v, 4) for v in (box[0], box[1], box[2] - box[0], box[3] - box[1])]


RULES = (not_dominant, several_subjects)
OF_ALL = (one_framing,)
"""What is asked of all clips together."""
