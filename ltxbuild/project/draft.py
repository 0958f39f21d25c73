"""What a model is asked about a clip, and how its answer becomes a caption. Knows no model and no file."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ltxbuild.project.caption_style import CaptionStyle


@dataclass(frozen=True)
class Question:
    """For one type: what a caption says, and what it leaves to the trigger.

    What a caption names can be changed by a prompt; what it leaves out, and all clips have, becomes the trigger's
    meaning. `with_class`: the class word has to stand in the caption (CAP609).
    """

    say: str
    leave: str
    why: str
    with_class: bool = False


QUESTIONS: dict[str, Question] = {
    "character": Question(
        "the clothes, what is done, where, in which light, and how the camera moves",
        "the face, eyes, hair, skin, age or build",
        "identity goes into the trigger, clothes and places stay free",
        with_class=True,
    ),
    "object": Question(
        "where it is, what happens to it, who handles it, the light, and how the camera moves",
        "its shape, colour, material, markings or brand",
        "the object's own look goes into the trigger",
        with_class=True,
    ),
    "style": Question(
        "who or what is seen, what happens, where, and how the camera moves",
        "the look: colours, lighting, grading, grain, medium or drawing style",
        "the look goes into the trigger, contents stay free",
    ),
    "motion": Question(
        "who or what is seen, the clothes, the place and the light",
        "how anything moves",
        "the movement goes into the trigger, who moves and where stay free",
    ),
    "world": Question(
        "who is there, what they do, the time of day, the weather, and how the camera moves",
        "the architecture, the materials, the design or the mood of the place",
        "the place's character goes into the trigger",
    ),
    "control": Question(
        "who or what is seen, what happens, where, in which light, and how the camera moves",
        "",
        "the reference carries the structure; the caption says everything else",
    ),
}

_SEEN = r"(?:video|clip|image|picture|photo|scene|footage|frame|sequence|shot)s?"
_SHOWS = r"(?:shows?|depicts?|features?|captures?|displays?|presents?|portrays?|begins? with|opens? with)"
_OPENINGS = re.compile(
    rf"^(?:(?:sure|certainly|of course)[!,.:]?\s+|here(?: is|'s) (?:a|the|your) [\w -]*?(?:caption|description)[^:]*:\s*"
    rf"|(?:caption|description|answer):\s*|(?:the|this|these) (?:[\w-]+ ){{0,2}}{_SEEN} {_SHOWS} (?:us )?"
    rf"|in (?:the|this|these) {_SEEN},? (?:we (?:can )?see |there (?:is|are) )?|we (?:can )?see "
    rf"|there (?:is|are) |(?:a|an) {_SEEN} of )",
    re.IGNORECASE,
)
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|$)", re.IGNORECASE | re.DOTALL)
_MARKS = re.compile(r"<[^<>]{0,40}>|[*_`#]{2,}|^[#>*-]+\s+|`", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_ARTICLES = ("a", "an", "the", "one", "two", "three", "several", "some")


def question(kind: str, class_word: str, frames: int, style: CaptionStyle) -> str:
    """The prompt for a clip of a project of this type, shown as so many pictures (0: as a video)."""
    asked = QUESTIONS[kind]
    seen = f"These are {frames} frames of one video clip, in order. " if frames > 1 else ""
    called = (
        f"Call the subject {article(class_word)} {class_word} and begin with it. " if asked.with_class else ""
    )
    left_out = f"Do not mention {asked.leave}. " if asked.leave else ""
    return (
        f"{seen}Describe the clip {style.asked}, in the present tense. "
        f"{called}Say {asked.say}. {left_out}"
        "Describe only what can be seen; do not speak of the video, frames or pictures themselves, and do not praise."
    )


def caption_of(answer: str, kind: str, trigger: str, class_word: str, style: CaptionStyle) -> str:
    """The answer as a caption: plain, not too long, trigger first; empty if nothing is left of it."""
    text = _plain(answer.replace(trigger, " "), style.sentences)
    if not re.search(r"\w", text):
        return ""
    if QUESTIONS[kind].with_class and not re.search(rf"\b{re.escape(class_word)}\b", text, re.IGNORECASE):
        text = f"{article(class_word)} {class_word}, {_lowered(text)}"
    return f"{trigger}, {_lowered(text)}"


def article(word: str) -> str:
    """`a` or `an`, by the first letter."""
    return "an" if word[:1].lower() in ("a", "e", "i", "o", "u") else "a"


def _plain(text: str, most: int | None) -> str:
    """Without thoughts, markup, openings, quotes around it, invisible characters, and a sentence that breaks off."""
    text = _MARKS.sub(" ", _THOUGHTS.sub(" ", text))
    text = "".join(c if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029" else " " for c in text)
    text = " ".join(text.split())
    before = None
    while before != text:
        before = text
        text = _OPENINGS.sub("", text.strip(" \"'“”‘’,;:")).strip()
    sentences = [part for part in _SENTENCE.split(text) if part]
    whole = [part for part in sentences if part[-1] in ".!?"]
    text = " ".join((whole or sentences)[:most])
    return text[:1].upper() + text[1:]


def _lowered(text: str) -> str:
    """The first word in lower case where it is a small word; a name keeps its capital."""
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}".strip() if first.lower() in _ARTICLES else text
