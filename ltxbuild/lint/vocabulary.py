"""Short lists of words, and whether a word is one that people use; knows nothing of triggers and rules."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

ENDINGS = ("", "s", "es", "ed", "d", "ing", "er", "ly")


def _stems(cut: str) -> set[str]:
    """What a word without its ending may have been: danc -> dance, runn -> run."""
    doubled = len(cut) > 3 and cut[-1] == cut[-2]
    return {cut, cut + "e", *((cut[:-1],) if doubled else ())}


@cache
def _lists() -> dict[str, frozenset[str]]:
    """The sections of words.txt: a line `[name]` begins one."""
    sections: dict[str, set[str]] = {}
    current: set[str] = set()
    text = resources.files("ltxbuild.lint").joinpath("words.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), set())
        elif not line.startswith("#"):
            current.update(line.split())
    return {name: frozenset(words) for name, words in sections.items()}


def section(name: str) -> frozenset[str]:
    """The words of one section of words.txt."""
    return _lists()[name]


def familiarity(word: str) -> Literal["common", "known"] | None:
    """How well known a whole word is in any case; None for one that no list has.

    Plurals and other regular endings count as their stem.
    """
    lowered = word.lower()
    stems = {stem for ending in ENDINGS for stem in _stems(lowered.removesuffix(ending))}
    lists = _lists()
    if stems & lists["common"]:
        return "common"
    return "known" if stems & lists["known"] else None
