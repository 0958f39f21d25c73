"""Rules about what captions talk of: class word, action, setting, praise, and what all of them say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ltxbuild.job import JsonDict
from ltxbuild.lint.facts import ClipFacts, SetFacts
from ltxbuild.lint.rule import CAPTIONS, Hit, Severity, rule
from ltxbuild.lint.similarity import words
from ltxbuild.lint.vocabulary import section

CONSTANT, ENOUGH = 0.6, 8  # share of the captions; captions
SETTING = 0.5  # share of a caption's content words
CONTENT_LEAST = 4  # content words of a caption that can be judged


def content(caption: str, trigger: str) -> list[str]:
    """The words that mean something, in lower case, without the trigger."""
    said = words(caption.replace(trigger, " ") if trigger else caption)
    return [word.lower() for word in said if word.lower() not in section("function") and len(word) > 1]


@rule("CAP607", "constant-term", "W", "set")
def constant_term(dataset: SetFacts) -> Iterator[Hit]:
    """A word stands in more than 60 % of at least 8 captions: it becomes part of the trigger.

    The class word may; clothes, a place or a camera move that is always there is learnt with the concept. If the clips
    really share it, leave it out of the captions, and the trigger takes it; if not, correct them.
    """
    captions = {key: text for key, text in sorted(dataset.captions.items()) if text and text.strip()}
    if len(captions) < ENOUGH:
        return
    counts = Counter(word for text in captions.values() for word in set(content(text, dataset.trigger)))
    own = {dataset.class_word.lower(), dataset.class_word.lower() + "s"}
    for word, number in counts.most_common():
        if number / len(captions) <= CONSTANT:
            break
        if word not in own and word not in dataset.ranges.texts("common_words"):
            message = (
                f'"{word}" stands in {number} of {len(captions)} captions: it becomes part of the trigger'
            )
            evidence: JsonDict = {"word": word, "captions": number, "share": round(number / len(captions), 2)}
            yield Hit(message, CAPTIONS, next(iter(captions)), evidence=evidence)


@rule("CAP608", "background-heavy", "I", "clip")
def background_heavy(clip: ClipFacts) -> Iterator[Hit]:
    """More than half of the caption's content words are about the setting: place, light, weather.

    What a caption tells most of is what it teaches. Say first what the subject does. A world is exempt.
    """
    said = content(clip.caption or "", clip.trigger)
    if clip.type == "world" or len(said) < CONTENT_LEAST:
        return
    setting = [word for word in said if word in section("setting") or word.rstrip("s") in section("setting")]
    if len(setting) / len(said) > SETTING:
        message = f"{len(setting)} of {len(said)} content words of {clip.key} are about the setting"
        evidence: JsonDict = {"words": ", ".join(setting[:6]), "share": round(len(setting) / len(said), 2)}
        yield Hit(message, CAPTIONS, clip.key, evidence=evidence)


@rule("CAP609", "no-class-word", "W", "clip")
def no_class_word(clip: ClipFacts) -> Iterator[Hit]:
    """The caption of a character or an object lacks its class word.

    "mira_char, a woman with a red scarf": the class word tells the model what kind of thing the trigger names, and the
    tests compare with prompts that have it alone. A base's card may say that it needs none.
    """
    wanted = clip.class_word.lower()
    if clip.type not in ("character", "object") or not wanted or not (clip.caption or "").strip():
        return
    said = {word.lower().removesuffix("'s") for word in words(clip.caption or "")}
    if not clip.ranges.flag("class_word") or wanted in said or wanted + "s" in said or " " in wanted:
        return
    message = f'the caption of {clip.key} does not say "{clip.class_word}"'
    yield Hit(
        message,
        CAPTIONS,
        clip.key,
        fix=f'"{clip.trigger}, a {clip.class_word} ..."' if clip.trigger else None,
    )


@rule("CAP610", "praise", "I", "clip")
def praise(clip: ClipFacts) -> Iterator[Hit]:
    """The caption praises: beautiful, stunning, masterpiece, 4k.

    Nothing in the picture answers to it; the word is bound to the concept.
    """
    found = [word for word in words(clip.caption or "") if word.lower() in section("praise")]
    if found:
        message = f'the caption of {clip.key} praises ("{found[0]}"): describe what is seen'
        yield Hit(message, CAPTIONS, clip.key, evidence={"words": ", ".join(found[:6])})


@rule("CAP611", "no-motion", "I", "clip")
def no_motion(clip: ClipFacts) -> Iterator[Hit]:
    """The caption names no action and no camera move; for a motion LoRA a warning.

    Looked for are common verbs of movement and doing, words in -ing, and the words of cameras. A video model learns
    what moves from what is said to move. Stills are exempt.
    """
    if not clip.moving or not (clip.caption or "").strip():
        return
    said = [word.lower() for word in words((clip.caption or "").replace(clip.trigger or "\0", " "))]
    if any(_acts(word) for word in said):
        return
    severity: Severity | None = "W" if clip.type == "motion" else None
    yield Hit(
        f"the caption of {clip.key} names no action and no camera move", CAPTIONS, clip.key, severity=severity
    )


def _acts(word: str) -> bool:
    if word.endswith("ing") and len(word) > 5:
        return True
    stems = {
        word,
        word.removesuffix("s"),
        word.removesuffix("es"),
        word.removesuffix("ed"),
        word.removesuffix("d"),
    }
    if word.endswith("ies"):
        stems.add(word[:-3] + "y")
    return bool(stems & section("action"))


@rule("CAP612", "style-word", "I", "clip")
def style_word(clip: ClipFacts) -> Iterator[Hit]:
    """The caption of a character or an object names a style: anime, film grain, black and white.

    Rightly so if this clip looks different from the others; if all look so, leave the word out, or the character comes
    with its style.
    """
    if clip.type not in ("character", "object"):
        return
    said = " ".join(word.lower() for word in words(clip.caption or ""))
    found = [term for term in sorted(section("style")) if f" {term.replace('_', ' ')} " in f" {said} "]
    if found:
        term = found[0].replace("_", " ")
        message = f'the caption of {clip.key} names a style ("{term}"): is it this clip\'s alone?'
        yield Hit(message, CAPTIONS, clip.key, evidence={"word": term})


RULES = (constant_term, background_heavy, no_class_word, praise, no_motion, style_word)
