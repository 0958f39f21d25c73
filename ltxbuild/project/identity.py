"""From lora.toml, the user's own file and -s to name, trigger, class, type, base and all settings.

Knows how the sources are put together; nothing about clips.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltxbuild.problem import Problem, ProjectError
from ltxbuild.project.base import BaseRef, find_base
from ltxbuild.project.given import Given, read_machine, read_overrides, read_settings
from ltxbuild.project.names import class_fault, name_fault, prompt_fault, trigger_fault
from ltxbuild.project.nearest import nearest
from ltxbuild.project.resolve import resolve
from ltxbuild.project.resolved import Settings
from ltxbuild.project.settings import BY_KEY, MODES, SETTINGS
from ltxbuild.project.toml_file import Document, read_document

REHEARSAL_BASE = "tiny"
EXAMPLES = {
    "name": 'name = "mira"',
    "trigger": 'trigger = "mira_char", an invented word',
    "class": 'class = "woman", the ordinary word for it',
    "type": 'type = "character", or object, style, motion, world, control',
}


@dataclass(frozen=True)
class Identity:
    """What lora.toml says, resolved."""

    name: str
    trigger: str
    class_word: str
    type: str
    base: BaseRef
    settings: Settings


def machine_file() -> Path:
    """The user's own file: what belongs to this computer and to no project."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "ltxbuild" / "config.toml"


def read_identity(
    root: Path,
    lora: Document,
    overrides: Sequence[str],
    mode: str | None,
    rehearsal: bool,
    problems: list[Problem],
) -> Identity | None:
    """Everything about the project but its clips; None if a file cannot be parsed or the base is unknown."""
    machine, bases = _machine(problems)
    mine = read_settings(lora, problems)
    called = read_overrides(overrides, problems) + _mode(mode, problems)
    if not lora.readable:
        return None
    given = [*_by_mode(machine), *_by_mode(_rehearsed(mine) if rehearsal else mine), *_by_mode(called)]
    top = {one.setting.key: one for one in given}
    _check_names(lora, top, problems)
    base = _base(root, top, bases, rehearsal, problems)
    if base is None:
        return None
    kind = str(top["type"].value) if "type" in top else ""
    settings = resolve(base.card, kind, given, problems)
    _check_prompts(lora, top.get("evaluate.prompts"), problems)

    def text(key: str) -> str:
        return str(top[key].value) if key in top else ""

    return Identity(text("name"), text("trigger"), text("class"), kind, base, settings)


def _machine(problems: list[Problem]) -> tuple[list[Given], dict[str, str]]:
    path = machine_file()
    if not path.exists():
        return [], {}
    return read_machine(read_document(path, str(path), problems), problems)


def _mode(mode: str | None, problems: list[Problem]) -> list[Given]:
    if mode is None:
        return []
    if mode not in MODES:
        problems.append(
            Problem("P203", f"unknown mode `{mode}`", hint=nearest(mode, MODES) or "fast or quality")
        )
        return []
    return [Given(BY_KEY["train.mode"], None, mode, "--mode", None)]


def _by_mode(given: list[Given]) -> list[Given]:
    """[train] before [train.fast], whatever their order in the file."""
    return sorted(given, key=lambda one: one.mode is not None)


def _rehearsed(mine: list[Given]) -> list[Given]:
    """Without what fits another base's size; the base itself is the tiny one."""
    kept = [
        one for one in mine if not one.setting.size and one.setting.key not in ("base", "evaluate.prompts")
    ]
    return [*kept, Given(BY_KEY["base"], None, REHEARSAL_BASE, "rehearsal", None)]


def _base(
    root: Path, top: Mapping[str, Given], bases: Mapping[str, str], rehearsal: bool, problems: list[Problem]
) -> BaseRef | None:
    one = top.get("base")
    spec = str(one.value) if one is not None else str(BY_KEY["base"].default)
    try:
        return find_base(spec, root, bases, one.span if one is not None else None)
    except ProjectError as error:
        problems.extend(error.problems)
        return None


def _check_names(lora: Document, top: Mapping[str, Given], problems: list[Problem]) -> None:
    for setting in SETTINGS:
        if setting.required and setting.key not in top and setting.key not in lora.data:
            what = f"lora.toml lacks `{setting.key}`: {setting.help}"
            problems.append(Problem("P204", what, hint=f"add {EXAMPLES[setting.key]}"))

    def value(key: str) -> Any:
        return top[key].value if key in top else ""

    checks = (
        ("name", "P205", name_fault(value("name"))),
        ("export.name", "P205", name_fault(value("export.name"))),
        ("trigger", "P206", trigger_fault(value("trigger"), value("class"))),
        ("class", "P207", class_fault(value("class"))),
    )
    for key, code, fault in checks:
        if fault is not None and key in top:
            problems.append(Problem(code, f"`{key}` cannot be used: {fault}", top[key].span))


def _check_prompts(lora: Document, one: Given | None, problems: list[Problem]) -> None:
    for index, prompt in enumerate(one.value if one is not None else ()):
        fault = prompt_fault(prompt)
        if fault is not None and one is not None:
            span = lora.value(*one.path, index) if one.path else one.span
            problems.append(Problem("P208", f"prompt {index + 1} cannot be used: {fault}", span))
