"""Rules about captions, one by one and among each other. They know no pixels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from ltxbuild.lint.facts import ClipFacts, SetFacts
from ltxbuild.lint.rule import CAPTIONS, Hit, Severity, rule
from ltxbuild.lint.similarity import and_more, at_least, likeness, nearest_pairs, token_sort, words

WORDS_ERROR = 4
ALIKE = 85.0
# Comparing every pair takes seconds beyond this; identical captions are still found.
MOST_COMPARED = 400
_SENTENCE = re.compile(r"[.!?]+(?=\s|$)")
_BOILERPLATE = re.compile(
    r"\b(?:the|this) (?:video|clip|image|scene|footage)"
    r" (?:shows|depicts|features|captures|displays|begins|opens)"
    r"|\bin (?:this|the) (?:video|clip|image|footage)\b|\bwe (?:can )?see\b|\bas an ai\b"
    r"|\bi(?:'m| am) (?:sorry|unable)\b|\bi (?:cannot|can't)\b|\bhere is (?:a|the) (?:caption|description)\b"
    r"|</?think(?:ing)?>|^\s*(?:caption|description):|\*\*|^\s*[#{\[]|```",
    re.IGNORECASE | re.MULTILINE,
)


def _body(caption: str, trigger: str) -> list[str]:
    """The caption's words besides the trigger."""
    return words(caption.replace(trigger, " ") if trigger else caption)


@rule("CAP601", "missing", "E", "clip")
def missing(clip: ClipFacts) -> Iterator[Hit]:
    """The caption is empty.

    Without words the clip teaches nothing that a prompt can call up. One or two sentences: trigger, class
    word, what is done, where, how the camera moves.
    """
    if clip.caption is not None and not clip.caption.strip():
        yield Hit(f"the caption of {clip.key} is empty", CAPTIONS, clip.key)


@rule("CAP602", "too-vague", "W", "clip")
def too_vague(clip: ClipFacts) -> Iterator[Hit]:
    """The caption has fewer than 8 words besides the trigger; fewer than 4 are an error.

    What a caption does not name becomes part of the trigger: clothes, place and camera then appear in every
    result.
    """
    if not clip.caption or not clip.caption.strip():
        return
    count = len(_body(clip.caption, clip.trigger))
    least = int(clip.ranges.pair("words")[0])
    if count < least:
        severity: Severity | None = "E" if count < WORDS_ERROR else None
        message = (
            f"the caption of {clip.key} has {count} words besides the trigger; {least} or more say enough"
        )
        evidence = {"words": count, "least": least}
        yield Hit(message, CAPTIONS, clip.key, severity=severity, evidence=evidence)


@rule("CAP603", "too-long", "W", "clip")
def too_long(clip: ClipFacts) -> Iterator[Hit]:
    """The caption has more than 2 sentences or 60 words.

    The training guide advises one or two sentences: long texts dilute the trigger. With `caption_style = "long"` up to
    200 words are right, in any number of sentences.
    """
    if not clip.caption:
        return
    count = len(words(clip.caption))
    sentences = max(1, len(_SENTENCE.findall(clip.caption.strip())))
    longest = clip.ranges.given.get("longest")
    most = int(longest or clip.ranges.pair("words")[1])
    most_sentences = None if longest else int(clip.ranges.number("sentences"))
    if count > most or (most_sentences is not None and sentences > most_sentences):
        message = f"the caption of {clip.key} has {sentences} sentences and {count} words; at most "
        message += (
            f"{most} words train well"
            if most_sentences is None
            else f"{most_sentences} and {most} train well"
        )
        yield Hit(message, CAPTIONS, clip.key, evidence={"words": count, "sentences": sentences})


@rule("CAP604", "boilerplate", "W", "clip")
def boilerplate(clip: ClipFacts) -> Iterator[Hit]:
    """The caption talks about itself: "the video shows", "we see", markdown, a model's refusal.

    Such phrases stand in every caption and become part of what the trigger means. Describe the scene
    directly.
    """
    found = _BOILERPLATE.search(clip.caption or "")
    if found:
        phrase = found.group().strip()
        message = f'the caption of {clip.key} says "{phrase}": describe the scene itself'
        yield Hit(message, CAPTIONS, clip.key, evidence={"at": found.start()})


@rule("CAP605", "duplicate", "W", "set")
def duplicate(dataset: SetFacts) -> Iterator[Hit]:
    """Two captions are the same (an error) or nearly so (token-sort similarity of 85 and more).

    The model cannot tell apart what is described alike. Say what differs: action, place, clothes, camera.
    Above 400 captions only identical ones are looked for.
    """
    texts = {
        key: token_sort(caption.replace(dataset.trigger, " ") if dataset.trigger else caption)
        for key, caption in sorted(dataset.captions.items())
        if caption and caption.strip()
    }
    same: dict[str, list[str]] = defaultdict(list)
    for key, caption in sorted(dataset.captions.items()):
        if key in texts and caption:
            same[" ".join(caption.split())].append(key)
    for keys in same.values():
        for key in keys[1:]:
            message = f"{key} has the same caption as {keys[0]}"
            yield Hit(message, CAPTIONS, key, severity="E", evidence={"similarity": 100, "other": keys[0]})
    firsts = [keys[0] for keys in same.values()]
    if len(firsts) > MOST_COMPARED:
        return
    alike = (
        (one, other, -round(likeness(texts[one], texts[other]), 1))
        for one, other in combinations(sorted(firsts), 2)
        if at_least(texts[one], texts[other], ALIKE)
    )
    for one, other, score, more in nearest_pairs(alike):
        message = (
            f"the captions of {one} and {other} are {-score:g} % alike{and_more(more)}: say what differs"
        )
        yield Hit(message, CAPTIONS, other, evidence={"similarity": -score, "other": one, "more": more})


@rule("CAP606", "unreviewed-draft", "W", "clip", modes={"quality": "E"})
def unreviewed_draft(clip: ClipFacts) -> Iterator[Hit]:
    """A machine wrote the caption and nobody has reviewed it; an error in quality mode.

    Read it, correct it, then remove `draft = true`, or use `ltxbuild caption --accept`.
    """
    if clip.draft and clip.caption:
        yield Hit(f"the caption of {clip.key} is an unreviewed draft", CAPTIONS, clip.key)


RULES = (missing, too_vague, too_long, boilerplate, duplicate, unreviewed_draft)
