"""Builds small project folders and collects the problems that loading them raises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ltxbuild.problem import Problem, ProjectError
from ltxbuild.project.project import load

LORA = 'name = "mira"\ntrigger = "mira_char"\nclass = "woman"\ntype = "character"\nbase = "ltx-2.3"\n'


def make(root: Path, lora: str = LORA, captions: str = "", clips: Sequence[str] = ()) -> Path:
    """A folder with these files; clips are empty files."""
    (root / "clips").mkdir(parents=True, exist_ok=True)
    (root / "lora.toml").write_text(lora, encoding="utf-8")
    (root / "captions.toml").write_text(captions, encoding="utf-8")
    for name in clips:
        (root / "clips" / name).touch()
    return root


def problems(root: Path, overrides: Sequence[str] = (), mode: str | None = None) -> tuple[Problem, ...]:
    """What loading refuses; empty if it does not."""
    try:
        load(root, overrides, mode)
    except ProjectError as error:
        assert error.exit_code == 2
        return error.problems
    return ()


def codes(root: Path, overrides: Sequence[str] = (), mode: str | None = None) -> set[str]:
    """The codes of all problems."""
    return {problem.code for problem in problems(root, overrides, mode)}
