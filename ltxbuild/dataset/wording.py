"""Captions as a project keeps them, and the word that all of them begin with. Knows no file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ltxbuild.dataset.entry import Entry, Reading
from ltxbuild.project.names import control_character, trigger_fault

# ai-toolkit (ostris/ai-toolkit, toolkit/prompt_utils.py) puts the trigger where a caption says one of these.
PLACEHOLDERS = ("[trigger]", "[name]")


def one_line(text: str) -> str:
    """The text with every run of white space as one space, as captions.toml reads it."""
    return " ".join(text.split())


def clean(found: Reading) -> None:
    """Make every caption one that captions.toml may hold; what is left out is noted. An empty one leaves its clip out."""
    kept = []
    for entry in found.entries:
        caption = one_line(entry.caption)
        visible = one_line("".join(sign for sign in caption if not control_character(sign)))
        if visible != caption:
            what = f"the caption of {entry.path} loses the invisible character {control_character(caption)}"
            found.leave("D208", what, entry.span, "it would become a token that nobody sees")
        if visible:
            kept.append(replace(entry, caption=visible))
        else:
            found.leave("D201", f"{entry.path} has an empty caption", entry.span, "write what is seen")
    found.entries = kept


def with_trigger(entries: Sequence[Entry], trigger: str) -> list[Entry]:
    """The entries with the trigger where their captions have a place for it."""
    filled = []
    for entry in entries:
        caption = entry.caption
        for placeholder in PLACEHOLDERS:
            caption = caption.replace(placeholder, trigger)
        filled.append(replace(entry, caption=caption))
    return filled


def shared_word(captions: Sequence[str], known: Callable[[str], bool]) -> str | None:
    """The invented word that every caption begins with; None if there is none. One caption alone proves nothing."""
    firsts = {caption.split(maxsplit=1)[0].rstrip(",.:;") for caption in captions}
    if len(captions) < 2 or len(firsts) != 1:
        return None
    word = firsts.pop()
    return None if trigger_fault(word, "") or known(word) else word
