"""Which names, triggers, class words and prompts are usable, and why others are not. Knows no file."""

from __future__ import annotations

import string
import unicodedata

LONGEST = 64


def control_character(text: str) -> str | None:
    """The first control, format or surrogate character as U+XXXX, or None; newline and tab count."""
    if text.isascii() and text.isprintable():
        return None
    for sign in text:
        # Cf hides in names: zero-width joiners and direction marks make two equal-looking names differ.
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
            return f"U+{ord(sign):04X}"
    return None


def name_fault(name: str) -> str | None:
    """Why a name cannot be a file's name everywhere; None if it can."""
    if not name:
        return "it is empty"
    bad = sorted({c for c in name if not (c.isalnum() or c in "_-.")})
    if bad:
        return f"{_shown(bad[0])} is not allowed: letters, digits, `_`, `-` and `.` are"
    if name[0] in ".-":
        return f"it starts with `{name[0]}`"
    if name.casefold() == "report":
        return "its NAME.json would be the report's"
    return f"it is longer than {LONGEST} characters" if len(name) > LONGEST else None


def trigger_fault(trigger: str, class_word: str) -> str | None:
    """Why a word cannot be the trigger; None if it can."""
    if not trigger.strip():
        return "it is empty"
    if any(c.isspace() for c in trigger):
        return "it must be one word: a space would let half of it match"
    bad = sorted({c for c in trigger if not (c.isalnum() or c in "_-")})
    if bad:
        return f"{_shown(bad[0])} would not survive prompts and search: use letters, digits, `_` and `-`"
    if not any(c.isalpha() for c in trigger):
        return "it has no letter"
    if trigger[0] in "-_" or trigger[-1] in "-_":
        return "it starts or ends with a sign, so that no word boundary is there"
    if unicodedata.normalize("NFC", trigger) != trigger:
        return "it is written with combining characters: type it again in composed form"
    if len(trigger) < 2 or len(trigger) > LONGEST:
        return f"it must have 2 to {LONGEST} characters"
    if trigger.casefold() == class_word.casefold():
        return "it is the class word: the base already has a meaning for it"
    return None


def class_fault(word: str) -> str | None:
    """Why a word cannot be the class; None if it can."""
    if not word.strip():
        return "it is empty"
    if word != word.strip():
        return "it starts or ends with a space"
    bad = sorted({c for c in word if not (c.isalnum() or c in " -'")})
    if bad:
        return f"{_shown(bad[0])} is not allowed: it is an ordinary word such as `woman`"
    return f"it is longer than {LONGEST} characters" if len(word) > LONGEST else None


def prompt_fault(prompt: str) -> str | None:
    """Why a prompt cannot be filled with trigger or class word; None if it can."""
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(prompt) if name is not None]
    except ValueError:
        return "its braces do not match"
    if any(name != "subject" for name in fields):
        return "braces are for `{subject}` alone"
    if not fields:
        return "it lacks `{subject}`, the place where the trigger goes"
    if "{subject}" not in prompt or prompt.format(subject="") != prompt.replace("{subject}", ""):
        return "braces are for `{subject}` alone"
    return "it has a control character" if control_character(prompt) else None


def _shown(sign: str) -> str:
    return f"`{sign}`" if sign.isprintable() and not sign.isspace() else f"U+{ord(sign):04X}"
