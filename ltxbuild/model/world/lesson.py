"""Captions of pre-training: what words and made-up names mean to the tiny base."""

from __future__ import annotations

import random
from collections.abc import Mapping

from ltxbuild.model.world.scene import DEMO_CLASS, DEMO_TRIGGER, Scene, caption, random_scene

Names = Mapping[tuple[str, str, str], tuple[str, ...]]
"""Names by the look that they stand for: shape, colour, stripe."""

SYLLABLES = (
    "pa",
    "vo",
    "ki",
    "lu",
    "ne",
    "zo",
    "ta",
    "ri",
    "bu",
    "fe",
    "do",
    "ju",
    "we",
    "gi",
    "ha",
    "sy",
    "mi",
    "ra",
)

VAGUE, UNKNOWN, NAMED = 0.12, 0.08, 0.14  # of the captions of pre-training; NAMED where the look has a name


def lesson(scene: Scene, rng: random.Random, names: Names) -> str:
    """A caption of pre-training.

    Most tell the look. Some say `shape` alone, which means any look; some a name that has the look of this scene
    wherever it occurs; some a name that occurs nowhere else, so that an unknown name means any look as well.
    """
    dice = rng.random()
    if dice < VAGUE:
        return caption(scene, rng, rng.choice((DEMO_CLASS, "a " + DEMO_CLASS)))
    if dice < VAGUE + UNKNOWN:
        return caption(scene, rng, made_up_word(rng))
    known = names.get((scene.shape, scene.colour, scene.stripe), ())
    if dice < VAGUE + UNKNOWN + NAMED and known:
        return caption(scene, rng, rng.choice(known))
    return caption(scene, rng)


def named_looks(rng: random.Random, count: int) -> Names:
    """`count` names, each with a look of its own."""
    found: dict[tuple[str, str, str], list[str]] = {}
    taken: set[str] = set()
    while len(taken) < count:
        scene, name = random_scene(rng), made_up_word(rng)
        if name not in taken:
            taken.add(name)
            found.setdefault((scene.shape, scene.colour, scene.stripe), []).append(name)
    return {key: tuple(value) for key, value in found.items()}


def made_up_word(rng: random.Random) -> str:
    """A word with the form of a trigger, in which the demo's does not occur."""
    word = "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 3)))) + "_char"
    return made_up_word(rng) if word.endswith(DEMO_TRIGGER) else word
