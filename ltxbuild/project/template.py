"""A new project folder from the templates inside the package. Overwrites nothing."""

from __future__ import annotations

import string
from pathlib import Path

from ltxbuild.problem import Problem, ProjectError, fail
from ltxbuild.project.names import class_fault, name_fault, trigger_fault
from ltxbuild.project.schema import write_schemas
from ltxbuild.project.types import TYPES

TEMPLATES = Path(__file__).parents[1] / "templates"
# A .gitignore inside the package would hide files of the package itself, so it has another name there.
RENAMED = {"gitignore": ".gitignore"}
SHARED = TEMPLATES / "shared"
FOLDERS = {"control": ("clips", "references")}


def write_template(kind: str, target: Path, *, name: str, trigger: str, class_word: str, base: str) -> None:
    """Write a project of type `kind`. Raises ProjectError: P205 to P207 names, P106 files in the way."""
    assert kind in TYPES, kind
    _check(name, trigger, class_word)
    words = {"name": name, "trigger": trigger, "class_word": class_word, "base": base, "type": kind}
    files = template_files(kind)
    write_new(target, {to: _fill(source, words) for to, source in files.items()})
    for folder in FOLDERS.get(kind, ("clips",)):
        (target / folder).mkdir(exist_ok=True)
    write_schemas(target)


def template_files(kind: str) -> dict[str, Path]:
    """Where each file of a new project comes from, by its name there."""
    found = [*sorted(SHARED.iterdir()), *sorted((TEMPLATES / kind).iterdir())]
    return {RENAMED.get(path.name, path.name): path for path in found if path.is_file()}


def write_new(target: Path, files: dict[str, str]) -> None:
    """Write files that must not exist yet. Raises ProjectError: P106 with every file in the way, or P107."""
    taken = [name for name in files if (target / name).exists() or (target / name).is_symlink()]
    if taken:
        hint = "choose another folder, or move them away"
        raise ProjectError(
            [Problem("P106", f"{target / name} exists and is not overwritten", hint=hint) for name in taken]
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            with (target / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise fail("P107", f"{target} cannot be written: {error.strerror}", "choose another folder") from None


def _fill(source: Path, words: dict[str, str]) -> str:
    # `$name` and not `{name}`: prompts in the templates hold `{subject}`.
    return string.Template(source.read_text(encoding="utf-8")).substitute(words)


def _check(name: str, trigger: str, class_word: str) -> None:
    checks = (
        ("P205", "name", name, name_fault(name)),
        ("P206", "trigger", trigger, trigger_fault(trigger, class_word)),
        ("P207", "class", class_word, class_fault(class_word)),
    )
    problems = [
        Problem(code, f"{what} `{word}` cannot be used: {why}") for code, what, word, why in checks if why
    ]
    if problems:
        raise ProjectError(problems)
