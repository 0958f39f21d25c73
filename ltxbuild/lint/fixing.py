"""What lint can mend in a caption: pure functions of text. Knows no file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ltxbuild.lint.trigger import find_trigger, find_variant

_OPENING = re.compile(
    r"(?:the|this) (?:video|clip|image|scene|footage) (?:shows|depicts|features|captures|displays)\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Concept:
    """What captions are about: the trigger, and the class word or ""."""

    trigger: str
    class_word: str


@dataclass(frozen=True)
class Fix:
    """What mends the finding of one rule; `safe` if it cannot change what the caption tells."""

    code: str
    name: str
    safe: bool
    mend: Callable[[str, Concept], str]


def _spell(caption: str, concept: Concept) -> str:
    """TRG702: write the trigger as it is spelt, where no right one stands."""
    if find_trigger(caption, concept.trigger):
        return caption
    variant = find_variant(caption, concept.trigger)
    if variant is None:
        return caption
    written = re.escape(variant[0]).replace(r"\ ", r"\s+")
    return re.sub(rf"(?<!\w){written}(?!\w)", concept.trigger, caption, count=1)


def _once(caption: str, concept: Concept) -> str:
    """TRG704: later mentions become the class word."""
    places = find_trigger(caption, concept.trigger)
    if not concept.class_word:
        return caption
    for at in reversed(places[1:]):
        after = caption[at + len(concept.trigger) :]
        start = bool(re.search(r"(?:^|[.!?])\s*$", caption[:at]))
        caption = f"{caption[:at]}{'The' if start else 'the'} {concept.class_word}{after}"
    return caption


def _first(caption: str, concept: Concept) -> str:
    """TRG703: the trigger goes to the front."""
    places = find_trigger(caption, concept.trigger)
    if len(places) != 1 or not caption[: places[0]].strip(" \"'“”‘’("):
        return caption
    before, after = caption[: places[0]], caption[places[0] + len(concept.trigger) :]
    if after.startswith(("'s", "’s")):
        return caption  # "the red scarf of mira_char's sister" cannot be turned round
    if before.rstrip().endswith(",") and after.lstrip().startswith(","):
        before = before.rstrip().removesuffix(",")  # it stood between two commas
    rest = " ".join(f"{before} {after}".split()).replace(" ,", ",").replace(" .", ".")
    return f"{concept.trigger}, {_lower(rest)}"


def _plain(caption: str, concept: Concept) -> str:
    """CAP604: without "the video shows" at the beginning, or right behind the trigger."""
    front = re.match(rf"(?:{re.escape(concept.trigger)}[,.:]?\s+)?", caption) if concept.trigger else None
    at = front.end() if front else 0
    opening = _OPENING.match(caption, at)
    if not opening:
        return caption
    return caption[:at].replace(". ", ", ") + caption[opening.end() :]


def _called(caption: str, concept: Concept) -> str:
    """TRG701: the trigger is put in front."""
    if not concept.trigger or not caption.strip() or find_trigger(caption, concept.trigger):
        return caption
    return f"{concept.trigger}, {_lower(caption)}"


def _lower(text: str) -> str:
    """With a small letter at the beginning, if a usual word stands there."""
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first in ("A", "An", "The", "This", "In", "On", "At") else text


# In the order in which they are done: a variant is spelt before anything is moved.
FIXES = (
    Fix("TRG702", "trigger-variant", True, _spell),
    Fix("CAP604", "boilerplate", True, _plain),
    Fix("TRG704", "trigger-doubled", True, _once),
    Fix("TRG703", "trigger-not-first", True, _first),
    Fix("TRG701", "trigger-missing", False, _called),
)


def mended(caption: str, concept: Concept, wanted: Callable[[Fix], bool]) -> Iterator[tuple[Fix, str]]:
    """Each fix that changes the caption, with the caption after it."""
    if not concept.trigger:
        return
    for fix in FIXES:
        after = fix.mend(caption, concept) if wanted(fix) else caption
        if after != caption:
            caption = after
            yield fix, caption
