"""Rules about sounds as a listener heard them: they run where sound is trained and `[lint] listener` names one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ltxbuild.job import JsonDict
from ltxbuild.lint.facts import HeardFacts
from ltxbuild.lint.rule import CAPTIONS, Hit, rule

SURE = 0.5  # share of a label; not calibrated on clips
# For each kind of sound: AudioSet's labels that are it, and words of a caption that speak of it.
KINDS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "speech": (
        re.compile(r"speech|conversation|narration|shout|whispering", re.IGNORECASE),
        re.compile(
            r"\b(?:sa(?:y|id)|sp(?:eak|oke)|talk|tell|told|ask|answer|whisper|shout|voice|conversation|dialogue|narrat|chat)",
            re.IGNORECASE,
        ),
    ),
    "music": (
        re.compile(r"^(?:music|musical instrument|song|singing)", re.IGNORECASE),
        re.compile(
            r"\b(?:music|song|s[aiu]ng|singer|tune|melod|hum|guitar|piano|drum|violin|trumpet|flute|band\b|orchestra|choir)",
            re.IGNORECASE,
        ),
    ),
}


@rule("AUD505", "audio-not-in-caption", "W", "asked")
def audio_not_in_caption(clip: HeardFacts) -> Iterator[Hit]:
    """Speech or music is heard in the clip, and its caption does not speak of it.

    Where sound is trained, what the caption does not name becomes part of the trigger: it would speak or play in every
    sample. A classifier of sounds gives a label of speech or of music a share of a half or more, and no word of the
    caption belongs to that kind. Say what is heard, or use clips without it.
    """
    for kind, (labels, words) in KINDS.items():
        heard = [(label, share) for label, share in clip.sounds if labels.search(label) and share >= SURE]
        if heard and clip.caption and not words.search(clip.caption):
            label, share = heard[0]
            message = f"{clip.path} has {kind} ({label}, {share:.0%}), and its caption does not say so"
            evidence: JsonDict = {"label": label, "share": round(share, 4), "kind": kind}
            yield Hit(message, CAPTIONS, clip.key, evidence=evidence, fix=f"name the {kind} in the caption")


RULES = (audio_not_in_caption,)
