"""One setting: its type, default, range and what it affects. Knows no particular setting and no file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "text", "integer", "number", "choice", "size", "texts", "integers", "numbers", "shapes", "table"
]
SIZE = r"([0-9]+(\.[0-9]+)? ?[KMGT]?B)?"
UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

NAMES: dict[Kind, str] = {
    "text": "a string",
    "integer": "a whole number",
    "number": "a number",
    "choice": "one of the listed values",
    "size": 'a size such as "50 GB"',
    "texts": "a list of strings",
    "integers": "a list of whole numbers",
    "numbers": "a list of numbers",
    "shapes": "a list of [width, height] pairs",
    "table": "a table of strings",
}


@dataclass(frozen=True)
class Setting:
    """The declaration of one key of lora.toml; everything else about the key derives from it.

    `default` None means that base, type or another value decides; `derive` computes it from the other values.
    `least` is how many items a list must have. `affects` names the earliest stages that depend on it, none if
    no fingerprint holds it.
    `per_mode` keys may stand in [train.fast] and [train.quality]; `machine` keys in the user's own file.
    `size` keys fit one base's size, so a rehearsal on the tiny base takes its card's values for them.
    """

    key: str
    kind: Kind
    help: str
    default: Any = None
    affects: tuple[str, ...] = ()
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    least: int = 0
    required: bool = False
    per_mode: bool = False
    machine: bool = False
    size: bool = False
    derive: Callable[[Mapping[str, Any]], Any] | None = None

    @property
    def section(self) -> str:
        """The table that the key stands in; empty for the top of the file."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key within its table."""
        return self.key.rpartition(".")[2]

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.kind == "choice":
            return " or ".join(show(c) for c in self.choices)
        return NAMES[self.kind]

    @property
    def range(self) -> str:
        """The allowed range in words; empty if there is none."""
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}"
        return f"at least {self.low:g}" if self.low is not None else ""


@dataclass(frozen=True)
class Refusal:
    """Why a value is not taken: its type, or its range."""

    wrong_type: bool
    message: str


def check(setting: Setting, value: object) -> Refusal | None:
    """None if the value fits the declaration, else why not."""
    label = f"`{setting.key}`"
    if not _type_fits(setting, value):
        wrong_type = setting.kind != "choice" or not isinstance(value, str)
        return Refusal(wrong_type, f"{label} must be {setting.expected}, not {show(value)}")
    if isinstance(value, (list, tuple)) and len(value) < setting.least:
        return Refusal(False, f"{label} must not be empty")
    for number in _numbers(setting, value):
        if not math.isfinite(number):
            return Refusal(False, f"{label} must be finite, not {number}")
        too_low = setting.low is not None and number < setting.low
        if too_low or (setting.high is not None and number > setting.high):
            return Refusal(False, f"{label} must be {setting.range}, not {number:g}")
    return _texts_fit(setting, value)


def convert(setting: Setting, value: Any) -> Any:
    """A checked value in its one form: floats are floats, lists are tuples without repetition."""
    if setting.kind == "number":
        return float(value)
    # An item given twice says nothing new.
    if setting.kind == "numbers":
        return tuple(dict.fromkeys(float(v) for v in value))
    if setting.kind in ("texts", "integers"):
        return tuple(dict.fromkeys(value))
    if setting.kind == "shapes":
        return tuple(dict.fromkeys((w, h) for w, h in value))
    return dict(value) if setting.kind == "table" else value


def bytes_of(size: str) -> int:
    """The bytes that a checked value of kind `size` means; 0 for an empty one."""
    number = size.rstrip("KMGTB ")
    return int(float(number) * UNITS[size[len(number) :].strip()]) if size else 0


def show(value: object) -> str:
    """A value as TOML would write it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:37]}..."'
    if isinstance(value, (list, tuple)):
        shown = ", ".join(show(v) for v in value[:8])
        return f"[{shown}, ...]" if len(value) > 8 else f"[{shown}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} = {show(v)}" for k, v in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or isinstance(value, float)


def _is_shape(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_int(v) for v in value)


_ITEM: dict[Kind, Callable[[object], bool]] = {
    "texts": lambda v: isinstance(v, str),
    "integers": _is_int,
    "numbers": _is_number,
    "shapes": _is_shape,
}
_WHOLE: dict[Kind, Callable[[object], bool]] = {
    "text": lambda v: isinstance(v, str),
    "integer": _is_int,
    "number": _is_number,
    "size": lambda v: isinstance(v, str),
    "table": lambda v: isinstance(v, Mapping) and all(isinstance(x, str) for x in v.values()),
}


def _type_fits(setting: Setting, value: object) -> bool:
    if setting.kind == "choice":
        # True == 1 in Python, but not in a TOML file.
        return any(type(value) is type(c) and value == c for c in setting.choices)
    if setting.kind in _ITEM:
        return isinstance(value, (list, tuple)) and all(_ITEM[setting.kind](v) for v in value)
    return _WHOLE[setting.kind](value)


def _numbers(setting: Setting, value: Any) -> list[float]:
    if setting.kind in ("integer", "number"):
        return [value]
    if setting.kind in ("integers", "numbers"):
        return list(value)
    return [side for shape in value for side in shape] if setting.kind == "shapes" else []


def _texts_fit(setting: Setting, value: Any) -> Refusal | None:
    if not setting.pattern and setting.kind != "size":
        return None
    import re

    if setting.kind == "size":
        fits = re.fullmatch(SIZE, value) is not None
        return (
            None if fits else Refusal(False, f"`{setting.key}` must be {setting.expected}, not {show(value)}")
        )

    for text in value:
        if not re.fullmatch(setting.pattern, text):
            return Refusal(False, f"`{setting.key}`: {show(text)} is no rule: write CLP004, CLP or hard-cut")
    bad = [v for v in value.values() if v not in setting.choices] if setting.kind == "table" else []
    if bad:
        allowed = " or ".join(map(show, setting.choices))
        return Refusal(False, f"`{setting.key}`: {show(bad[0])} is not {allowed}")
    return None
