"""Rules about the trigger, in captions and as a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ltxbuild.lint.facts import ClipFacts, SettingsFacts
from ltxbuild.lint.rule import CAPTIONS, SETTINGS, Hit, Severity, rule
from ltxbuild.lint.similarity import likeness, words
from ltxbuild.lint.vocabulary import familiarity

ALIKE = 85.0
LONGEST = 24  # characters
_PARTS = {"character": "char", "object": "obj", "style": "style", "motion": "move", "world": "place"}


def find_trigger(caption: str, trigger: str) -> list[int]:
    """Where the trigger stands as a whole word, case-sensitively."""
    pattern = re.compile(rf"(?<!\w){re.escape(trigger)}(?!\w)")
    return [match.start() for match in pattern.finditer(caption)]


def find_variant(caption: str, trigger: str) -> tuple[str, float] | None:
    """The word or pair of words most like the trigger but not it, with its likeness of 85 and more."""
    rest = re.sub(rf"(?<!\w){re.escape(trigger)}(?!\w)", " | ", caption)
    best: tuple[str, float] | None = None
    for part in rest.split("|"):
        tokens = words(part)
        pairs = [f"{a} {b}" for a, b in pairwise(tokens)]
        for candidate in (*tokens, *pairs):
            plain = candidate.removesuffix("'s").removesuffix("’s")
            score = 100.0 if plain.lower() == trigger.lower() else likeness(plain, trigger)
            if score >= ALIKE and (best is None or score > best[1]):
                best = plain, round(score, 1)
    return best


def _usable(clip: ClipFacts) -> str | None:
    """The caption, if there are words and a trigger to look for."""
    return clip.caption if clip.trigger and clip.caption and clip.caption.strip() else None


@rule("TRG701", "trigger-missing", "E", "clip")
def trigger_missing(clip: ClipFacts) -> Iterator[Hit]:
    """The trigger is not in the caption.

    Looked for as a whole word, in exactly this spelling. A caption without it teaches the concept to every
    prompt, and the trigger loses its hold.
    """
    caption = _usable(clip)
    if caption and not find_trigger(caption, clip.trigger) and not find_variant(caption, clip.trigger):
        message = f"the caption of {clip.key} lacks the trigger {clip.trigger}"
        yield Hit(message, CAPTIONS, clip.key, fix=f'begin with "{clip.trigger}, "')


@rule("TRG702", "trigger-variant", "E", "clip")
def trigger_variant(clip: ClipFacts) -> Iterator[Hit]:
    """The caption has a word that is almost the trigger (similarity of 85 and more).

    The text encoder sees other tokens. "mirachar" is 94 alike to mira_char, "mira char" 89.
    """
    caption = _usable(clip)
    variant = find_variant(caption, clip.trigger) if caption else None
    if variant:
        message = f'the caption of {clip.key} says "{variant[0]}": the trigger is {clip.trigger}'
        evidence = {"similarity": variant[1]}
        fix = f'write "{clip.trigger}"'
        yield Hit(message, CAPTIONS, clip.key, evidence=evidence, fix=fix)


@rule("TRG703", "trigger-not-first", "W", "clip")
def trigger_not_first(clip: ClipFacts) -> Iterator[Hit]:
    """The trigger is not the first word of the caption.

    The guide puts it first everywhere, so that its place never varies.
    """
    caption = _usable(clip)
    places = find_trigger(caption, clip.trigger) if caption else []
    if caption and places and caption[: places[0]].strip(" \"'“”‘’("):
        message = f"the caption of {clip.key} does not begin with {clip.trigger}"
        yield Hit(message, CAPTIONS, clip.key, evidence={"at": places[0]})


@rule("TRG704", "trigger-doubled", "E", "clip")
def trigger_doubled(clip: ClipFacts) -> Iterator[Hit]:
    """The trigger stands more than once in the caption.

    Once, at the beginning, is enough; later use the class word or a pronoun.
    """
    caption = _usable(clip)
    count = len(find_trigger(caption, clip.trigger)) if caption else 0
    if count > 1:
        message = f"the caption of {clip.key} has the trigger {count} times"
        yield Hit(message, CAPTIONS, clip.key, evidence={"count": count})


@rule("TRG705", "trigger-real-word", "E", "settings")
def trigger_real_word(settings: SettingsFacts) -> Iterator[Hit]:
    """The trigger is a word that the model knows: a common one is an error, a rarer one a warning.

    The LoRA would fight with what the word already means, and change every prompt that has it. Common means a
    frequency of 1 in a million words and more (zipf 3), rarer about 1 in 30 million. The whole trigger
    counts, not its parts: mira_char is none. Add an underscore and a second part.
    """
    known = familiarity(settings.trigger)
    if known is None:
        return
    severity: Severity = "E" if known == "common" else "W"
    kind = "a common word" if known == "common" else "a known word"
    message = f"the trigger {settings.trigger} is {kind}: prompts that have it would change"
    fix = f"for example {settings.trigger.lower()}_{_PARTS.get(settings.type, 'x')}"
    yield Hit(message, SETTINGS, "trigger", severity=severity, fix=fix)


@rule("TRG707", "trigger-length", "W", "settings")
def trigger_length(settings: SettingsFacts) -> Iterator[Hit]:
    """The trigger has more than 24 characters: the text encoder sees many pieces, which bind less well."""
    length = len(settings.trigger)
    if length > LONGEST:
        message = f"the trigger has {length} characters; at most {LONGEST} bind well"
        yield Hit(message, SETTINGS, "trigger", evidence={"characters": length, "limit": LONGEST})


@rule("TRG708", "trigger-digits", "I", "settings")
def trigger_digits(settings: SettingsFacts) -> Iterator[Hit]:
    """The trigger has digits: Gemma splits each into a token that stands in many texts.

    The training guide itself uses some (noir85_style); letters alone are safer.
    """
    digits = sum(sign.isdigit() for sign in settings.trigger)
    if digits:
        message = f"the trigger {settings.trigger} has {digits} digits, each a common token of its own"
        yield Hit(message, SETTINGS, "trigger", evidence={"digits": digits})


RULES = (
    trigger_missing,
    trigger_variant,
    trigger_not_first,
    trigger_doubled,
    trigger_real_word,
    trigger_length,
    trigger_digits,
)
