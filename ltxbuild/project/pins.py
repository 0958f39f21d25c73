"""What a build reads back from ltxbuild.lock: the base's revision and the form of its weights. Writes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.project.base import BaseRef
from ltxbuild.project.memory import AS_IS

LOCK = "ltxbuild.lock"
COMMIT = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r"[0-9a-f]{32}")
PRECISIONS = ("bf16", "fp32")
FORMS = (AS_IS, "int8", "fp8", "nf4")


@dataclass(frozen=True)
class Pins:
    """None where nothing is pinned. `base` is the one that the pins belong to.

    `components` are the digests of the base's parts in that revision: what they are need not be fetched to be known.
    """

    base: str = ""
    revision: str | None = None
    precision: str | None = None
    quantize: str | None = None
    quantize_text: str | None = None
    components: tuple[tuple[str, str], ...] = ()


NO_PINS = Pins()


def public_name(base: BaseRef) -> str:
    """The name of a base that says nothing about this machine: never a path."""
    return base.spec if base.repository is not None else base.card.name


def read_pins(root: Path, base: BaseRef) -> Pins:
    """The pins of the project's lock; none if there is no lock, or if it was written for another base."""
    try:
        text = (root / LOCK).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return Pins()
    pins = parse_pins(text)
    return pins if pins.base == public_name(base) else Pins()


def parse_pins(text: str) -> Pins:
    """The pins of a lock; where it holds conflict markers, those on which both sides agree."""
    ours, theirs = (_of_side(side) for side in sides(text))
    return Pins(
        ours.base if ours.base == theirs.base else "",
        ours.revision if ours.revision == theirs.revision else None,
        ours.precision if ours.precision == theirs.precision else None,
        ours.quantize if ours.quantize == theirs.quantize else None,
        ours.quantize_text if ours.quantize_text == theirs.quantize_text else None,
        ours.components if ours.revision == theirs.revision and ours.components == theirs.components else (),
    )


def _of_side(text: str) -> Pins:
    lines = text.partition("\nclip ")[0].splitlines()  # ten thousand clips follow, and pin nothing
    found = dict(line.split(" ", 1) for line in lines if " " in line)
    revision, precision = found.get("revision", ""), found.get("precision", "")
    # A lock says nothing of layers that are as they are.
    forms = [found.get(name, AS_IS) for name in ("quantize", "quantize_text")]
    parts = [line.split(" ")[1:] for line in lines if line.startswith("component ")]
    return Pins(
        found.get("base", ""),
        revision if COMMIT.fullmatch(revision) else None,
        precision if precision in PRECISIONS else None,
        forms[0] if forms[0] in FORMS else None,
        forms[1] if forms[1] in FORMS else None,
        tuple((pair[0], pair[1]) for pair in parts if len(pair) == 2 and DIGEST.fullmatch(pair[1])),
    )


def sides(text: str) -> tuple[str, str]:
    """Both texts that git's conflict markers join; twice the same where there are none."""
    if "<<<<<<<" not in text:
        return text, text
    ours: list[str] = []
    theirs: list[str] = []
    into: tuple[list[str], ...] = (ours, theirs)
    for line in text.splitlines():
        if line.startswith("<<<<<<<"):
            into = (ours,)
        elif line.startswith("|||||||"):
            into = ()  # what both sides came from, in the style diff3
        elif line.startswith("======="):
            into = (theirs,)
        elif line.startswith(">>>>>>>"):
            into = (ours, theirs)
        else:
            for side in into:
                side.append(line)
    return "\n".join(ours) + "\n", "\n".join(theirs) + "\n"
