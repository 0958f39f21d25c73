"""captions.toml: one line or table a clip. Knows the keys of an entry, not which clips exist."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ltxbuild.problem import Problem, Span
from ltxbuild.project.names import control_character
from ltxbuild.project.nearest import nearest
from ltxbuild.project.setting import show
from ltxbuild.project.toml_file import Document

KEYS: dict[str, str] = {
    "caption": "what is seen, trigger first",
    "start": "second at which the clip begins",
    "end": "second at which the clip ends",
    "repeats": "how often the clip is drawn in comparison with others",
    "weight": "how much more (2) or less (0.5) often the clip is drawn than its repeats say",
    "skip": "leave the clip out",
    "holdout": "keep the clip from training and judge the LoRA by it",
    "crop": "what is kept where the training shape cuts: left, centre, right, top, bottom, or the subject",
    "draft": "the caption is a machine's and nobody has read it yet",
}
MOST_REPEATS = 100
WEIGHTS = (0.01, 100.0)
IGNORE = re.compile(r"#\s*lint:\s*ignore\b\s*(?:\[(?P<codes>[\w\s,-]*)\])?.*")
BY_SUBJECT = "subject"
SIDES = ("left", "centre", "right", "top", "bottom", BY_SUBJECT)


@dataclass(frozen=True)
class Entry:
    """What captions.toml says about one clip; `key` as it is written. Times in seconds."""

    key: str
    caption: str | None = None
    start: float | None = None
    end: float | None = None
    repeats: int = 1
    weight: float = 1.0
    skip: bool = False
    holdout: bool = False
    crop: str | None = None
    draft: bool = False
    ignore: tuple[str, ...] = ()


def read_captions(document: Document, problems: list[Problem]) -> list[Entry]:
    """All entries in the order of the file; unusable ones are added to `problems` and left out."""
    entries = []
    for key, value in document.data.items():
        if not _key_usable(document, key, problems):
            continue
        if isinstance(value, str):
            caption = _caption(document, (key,), value, problems)
            entries.append(Entry(key, caption))
        elif isinstance(value, Mapping):
            entries.append(_entry(document, key, value, problems))
        else:
            what = f"`{key}` must be a caption or a table, not {show(value)}"
            problems.append(Problem("P202", what, document.value(key), f'write {key} = "..."'))
    return _with_ignores(document, entries) if IGNORE.search(document.text) else entries


def _with_ignores(document: Document, entries: list[Entry]) -> list[Entry]:
    """Entries with what a comment behind them, `# lint: ignore[PIX101]`, takes from lint; without codes all of it."""
    found = []
    for entry in entries:
        table = (
            isinstance(document.data[entry.key], Mapping) and (entry.key,) not in document.positions.values
        )
        place = (document.positions.keys if table else document.positions.values)[(entry.key,)]
        line = document.positions.text[place[1] :].split("\n", 1)[0]
        comment = IGNORE.fullmatch(line.lstrip("] \t"))
        codes = comment["codes"] if comment else ""
        names = ("ALL",) if comment and not codes else tuple(re.findall(r"[\w-]+", codes or ""))
        found.append(replace(entry, ignore=names))
    return found


def _key_usable(document: Document, key: str, problems: list[Problem]) -> bool:
    if "/" in key or "\\" in key or key in ("", ".", ".."):
        name = key.replace("\\", "/").rpartition("/")[2]
        hint = f'write "{name}" alone' if name.strip(".") else "keys are names of files in clips/"
        what = f"`{key}` is a path: keys are names of files in clips/"
        problems.append(Problem("P308", what, document.key(key), hint))
        return False
    sign = control_character(key)
    if sign:
        what = f"a key has the invisible character {sign}"
        problems.append(Problem("P301", what, document.key(key), "type it again"))
    return sign is None


def _entry(document: Document, key: str, table: Mapping[str, Any], problems: list[Problem]) -> Entry:
    good: dict[str, Any] = {}
    for name, value in table.items():
        span = document.value(key, name)
        if name not in KEYS:
            what = f"unknown key `{name}` for clip `{key}`"
            hint = nearest(name, KEYS) or f"the keys are {', '.join(KEYS)}"
            problems.append(Problem("P201", what, document.key(key, name), hint))
        elif name == "caption" and isinstance(value, str):
            good[name] = _caption(document, (key, name), value, problems)
        elif name == "caption":
            problems.append(Problem("P202", f"`caption` must be a string, not {show(value)}", span))
        else:
            good[name] = _detail(name, value, span, problems)
    _check_cut(key, good, document.value(key, "end"), problems)
    return Entry(key, **{name: value for name, value in good.items() if value is not None})


def _detail(name: str, value: Any, span: Span | None, problems: list[Problem]) -> Any:
    """The value of one further key, or None if it is refused."""
    if name in ("start", "end"):
        return _seconds(name, value, span, problems)
    if name == "repeats":
        if not isinstance(value, int) or isinstance(value, bool):
            problems.append(Problem("P202", f"`repeats` must be a whole number, not {show(value)}", span))
        elif not 1 <= value <= MOST_REPEATS:
            hint = "to leave a clip out, write skip = true" if value == 0 else ""
            what = f"`repeats` must be from 1 to {MOST_REPEATS}, not {value}"
            problems.append(Problem("P203", what, span, hint))
        else:
            return value
        return None
    if name == "weight":
        return _weight(value, span, problems)
    if name == "crop":
        return _side(value, span, problems)
    if isinstance(value, bool):
        return value
    problems.append(Problem("P202", f"`{name}` must be true or false, not {show(value)}", span))
    return None


def _weight(value: Any, span: Span | None, problems: list[Problem]) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        problems.append(
            Problem("P202", f"`weight` must be a number, not {show(value)}", span, "for instance 0.5")
        )
    elif not WEIGHTS[0] <= value <= WEIGHTS[1]:  # also what is no number
        hint = "to leave a clip out, write skip = true" if value == 0 else ""
        what = f"`weight` must be from {WEIGHTS[0]:g} to {WEIGHTS[1]:g}, not {value:g}"
        problems.append(Problem("P203", what, span, hint))
    else:
        return float(value)
    return None


def _side(value: Any, span: Span | None, problems: list[Problem]) -> str | None:
    if isinstance(value, str) and value in SIDES:
        return value
    known = f"one of {', '.join(SIDES)}"
    code, hint = ("P203", nearest(value, SIDES)) if isinstance(value, str) else ("P202", "")
    what = f"`crop` must be {known}, not {show(value)}"
    problems.append(Problem(code, what, span, hint or 'for instance crop = "left"'))
    return None


def _seconds(name: str, value: Any, span: Span | None, problems: list[Problem]) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        problems.append(
            Problem("P202", f"`{name}` must be seconds, not {show(value)}", span, "for instance 1.5")
        )
        return None
    if not math.isfinite(value) or value < 0:
        problems.append(Problem("P307", f"`{name}` must be at least 0, not {value}", span))
        return None
    return float(value)


def _check_cut(key: str, good: Mapping[str, Any], span: Span | None, problems: list[Problem]) -> None:
    start, end = good.get("start") or 0.0, good.get("end")
    if end is not None and end <= start:
        what = f"clip `{key}` ends at {end:g} s, not after its start at {start:g} s"
        problems.append(Problem("P307", what, span, "swap or correct start and end"))


def _caption(document: Document, path: tuple[str, ...], text: str, problems: list[Problem]) -> str:
    """The caption with every run of white space as one space: how its lines are broken changes nothing."""
    caption = " ".join(text.split())
    sign = control_character(caption)
    if sign:
        what = f"the caption of `{path[0]}` has the invisible character {sign}"
        problems.append(Problem("P218", what, document.value(*path), "type that part again"))
    return caption
