"""Rules about what the clips show: one subject, one concept, many scenes. They read scans and captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import mean, pstdev

from ltxbuild.lint.facts import SetFacts
from ltxbuild.lint.rule import CAPTIONS, Hit, rule
from ltxbuild.lint.similarity import words

ENOUGH = 8  # clips
OUTLIER = -3.0  # deviations of the mean likeness to the others
ODD = 0.35  # and no more alike than this: in a set of look-alikes three deviations are nothing
ONE_SCENE, SAME_PLACE = 0.5, 0.85  # of the clips; likeness of borders
OTHERS = 0.25  # of the captions
MOST = 200  # clips that are compared pair by pair

# Nouns that a caption calls its subject by. Two of them in one set are two concepts, or one with two names.
SUBJECTS = frozenset(
    """
    man woman boy girl child baby person dog cat horse bird fox wolf bear rabbit robot monster dragon car truck
    motorcycle bicycle boat ship plane helicopter house castle bottle shoe watch bag guitar
    """.split()  # noqa: SIM905 - prose is easier to read
)


def overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Intersection of two histograms of thousandths, 0 to 1."""
    return sum(map(min, one, other)) / 1000


@rule("SUB303", "outlier", "W", "set")
def outlier(dataset: SetFacts) -> Iterator[Hit]:
    """A clip looks like none of the others.

    Its colours overlap with those of the other clips by three deviations less than is usual in the set, and by
    less than 35 %. Colours say little about what is seen: look at the clip. One whose loss never falls is found by the
    evaluation.
    """
    colours = {k: s["colours"] for k, s in sorted(dataset.scans.items()) if s["error"] is None}
    if not ENOUGH <= len(colours) <= MOST:
        return
    alike = {
        key: mean(overlap(own, other) for name, other in colours.items() if name != key)
        for key, own in colours.items()
    }
    for key, value in alike.items():
        rest = [v for name, v in alike.items() if name != key]
        spread = max(pstdev(rest), 0.01)
        score = (value - mean(rest)) / spread
        if score < OUTLIER and value < ODD:
            message = f"{dataset.path(key)} looks unlike the rest: its colours overlap by {value:.0%}"
            message += f" with the others', which do so by {mean(rest):.0%}"
            evidence = {
                "overlap": round(value, 3),
                "usual": round(mean(rest), 3),
                "deviations": round(score, 1),
            }
            yield Hit(message, dataset.path(key), key, evidence=evidence)


@rule("SET404", "one-scene", "W", "set")
def one_scene(dataset: SetFacts) -> Iterator[Hit]:
    """More than half of the clips have one background: it becomes part of the concept.

    The colours of the outer quarter of the picture overlap by 85 % and more. Not asked of a style or a world, which
    may well be one place.
    """
    borders = {k: s["border"] for k, s in sorted(dataset.scans.items()) if s["error"] is None}
    if dataset.type in ("style", "world", "control") or not ENOUGH <= len(borders) <= MOST:
        return
    near: dict[str, set[str]] = {key: {key} for key in borders}
    for one, other in combinations(borders, 2):
        if overlap(borders[one], borders[other]) >= SAME_PLACE:
            near[one].add(other)
            near[other].add(one)
    group = max(near.values(), key=len)
    if len(group) / len(borders) > ONE_SCENE:
        message = f"{len(group)} of {len(borders)} clips have the same background: film in other places"
        evidence = {"clips": len(group), "share": round(len(group) / len(borders), 2)}
        yield Hit(message, "clips/", evidence=evidence)


@rule("SET406", "mixed-concepts", "W", "set")
def mixed_concepts(dataset: SetFacts) -> Iterator[Hit]:
    """The captions call the subject by different nouns: two concepts in one set, or one under two names.

    Fires for characters and objects when at least a quarter of the captions have no class word but another of the
    usual nouns (woman, dog, car). Two concepts give a diluted LoRA that expresses neither (training guide).
    """
    if dataset.type not in ("character", "object") or not dataset.class_word:
        return
    found: dict[str, str] = {}
    captions = {key: text for key, text in sorted(dataset.captions.items()) if text}
    for key, text in captions.items():
        said = [word.lower() for word in words(text)]
        others = [word for word in said if word in SUBJECTS]
        if dataset.class_word.lower() not in said and others:
            found[key] = others[0]
    if captions and len(captions) >= ENOUGH and len(found) / len(captions) >= OTHERS:
        noun, number = Counter(found.values()).most_common(1)[0]
        message = (
            f'{len(found)} of {len(captions)} captions speak of something else than "{dataset.class_word}", '
        )
        message += f'{number} of "{noun}" ({", ".join(list(found)[:3])}): one concept, one noun'
        yield Hit(message, CAPTIONS, next(iter(found)), evidence={"captions": len(found), "noun": noun})


RULES = (outlier, one_scene, mixed_concepts)
