"""Which value wins: default, base, type, mode, the user's own file, lora.toml, -s, each with its origin.

Knows the order; the values themselves come from the declaration, the card and what was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ltxbuild.problem import Problem
from ltxbuild.project.card import Card
from ltxbuild.project.given import Given
from ltxbuild.project.resolved import Resolved, Settings
from ltxbuild.project.setting import convert
from ltxbuild.project.settings import BY_KEY, MODES, SETTINGS
from ltxbuild.project.types import TYPE_VALUES


def resolve(card: Card, kind: str, given: Iterable[Given], problems: list[Problem]) -> Settings:
    """All values for both modes; `given` is in rising precedence. Contradictions are added to `problems`."""
    given = list(given)
    settings = Settings({mode: _one_mode(card, kind, mode, given) for mode in MODES})
    _check_bucket(card, settings, given, problems)
    return settings


def built_in(card: Card, kind: str, mode: str) -> dict[str, Resolved]:
    """The values before the user says anything, for a type and a mode on a base."""
    values = {s.key: Resolved(s.default, "default") for s in SETTINGS}
    of_type = dict(TYPE_VALUES.get(kind, {}))
    if "train.learning_rate" in of_type:
        of_type["train.learning_rate"] = float(f"{of_type['train.learning_rate'] * card.rate_scale:.6g}")
    _lay(values, card.defaults, "base")
    _lay(values, of_type, "type")
    _lay(values, card.types.get(kind, {}), "type")
    _lay(values, card.modes[mode], "mode")
    _lay(values, card.types.get(f"{kind}.{mode}", {}), "type")
    return values


def _lay(values: dict[str, Resolved], layer: Mapping[str, Any], origin: str) -> None:
    for key, value in layer.items():
        values[key] = Resolved(convert(BY_KEY[key], value), origin)


def _one_mode(card: Card, kind: str, mode: str, given: list[Given]) -> dict[str, Resolved]:
    values = built_in(card, kind, mode)
    for one in given:
        if one.mode in (None, mode):
            values[one.setting.key] = Resolved(one.value, one.origin)
    plain = {key: one.value for key, one in values.items()}
    for setting in SETTINGS:
        if setting.derive is not None and values[setting.key].value is None:
            values[setting.key] = Resolved(setting.derive(plain), "default")
    if values["export.name"].value is None:
        values["export.name"] = Resolved(values["name"].value, values["name"].origin)
    return values


def _check_bucket(card: Card, settings: Settings, given: list[Given], problems: list[Problem]) -> None:
    mine = {one.setting.key: one for one in given if one.setting.section == "bucket"}
    shapes, frames = mine.get("bucket.shapes"), mine.get("bucket.frames")
    if shapes is not None:
        for width, height in shapes.value:
            if not card.fits_grid(width, height):
                what = f"{width}x{height} is off the grid: both sides must be multiples of {card.grid}"
                near = f"{_round(width, card.grid)}x{_round(height, card.grid)} is near"
                problems.append(Problem("P216", what, shapes.span, near))
    if frames is not None:
        for count in frames.value:
            if not card.fits_frames(count):
                what = f"{count} frames do not fit: a length is a multiple of {card.temporal}, plus 1"
                near = f"{_round(count - 1, card.temporal) + 1} is near"
                problems.append(Problem("P216", what, frames.span, near))
        if max(frames.value) == 1:
            what = "`bucket.frames` has only stills: clips need a length above 1"
            problems.append(Problem("P210", what, frames.span))
    if mine:
        _check_budget(card, settings, next(iter(mine.values())), problems)


def _check_budget(card: Card, settings: Settings, one: Given, problems: list[Problem]) -> None:
    for mode in MODES:
        budget = settings.get("bucket.budget", mode)
        shortest = min((n for n in settings.get("bucket.frames", mode) if n > 1), default=1)
        least = min(card.tokens(w, h, shortest) for w, h in settings.get("bucket.shapes", mode))
        if least > budget:
            what = f"in {mode} the smallest sample has {least} tokens, `bucket.budget` allows {budget}"
            problems.append(Problem("P210", what, one.span, "raise the budget, or add a smaller shape"))


def _round(value: int, step: int) -> int:
    return max(step, round(value / step) * step)
