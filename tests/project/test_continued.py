"""`init_from`: a LoRA that does not fit is refused at once, with the line and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.problem import ProjectError
from ltxbuild.project.project import load
from tests.adapter.files import lora, write
from tests.project.folder import LORA, make

FILE = "other.safetensors"
GATE = ("transformer_blocks.0.attn1.to_gate_logits",)


def project(root: Path, train: str, **form: Any) -> Path:
    folder = make(root / "p", f"{LORA}[train]\n{train}\n", "", ())
    write(folder / FILE, lora(**form))
    return folder


def refused(folder: Path) -> list[tuple[str, str, int]]:
    with pytest.raises(ProjectError) as caught:
        load(folder)
    return [(p.message, p.hint, p.span.line if p.span else 0) for p in caught.value.problems]


def test_a_file_that_fits_is_taken(tmp_path: Path) -> None:
    loaded = load(project(tmp_path, f'rank = 4\ninit_from = "{FILE}"'))
    assert loaded.settings.mode("fast").init_from == FILE


@pytest.mark.parametrize("where", ["{folder}/other.safetensors", "../p/other.safetensors"])
def test_a_path_may_lead_anywhere(where: str, tmp_path: Path) -> None:
    path = where.format(folder=tmp_path / "p")
    load(project(tmp_path, f'rank = 4\ninit_from = "{path}"'))


@pytest.mark.parametrize(
    ("train", "form", "message", "hint"),
    [
        ("rank = 8", {}, "has rank 4, the recipe rank 8", "set `rank = 4`"),
        ('targets = "attention"\nrank = 4', {}, "changes feed-forward layers", "attention+ff"),
        ("rank = 4", {"modules": GATE}, "which no recipe trains", "without it"),
    ],
)
def test_what_does_not_fit_is_refused(
    train: str, form: dict[str, Any], message: str, hint: str, tmp_path: Path
) -> None:
    ((said, advice, line),) = refused(project(tmp_path, f'{train}\ninit_from = "{FILE}"', **form))
    assert message in said and hint in advice
    assert line == (tmp_path / "p" / "lora.toml").read_text().splitlines().index(f'init_from = "{FILE}"') + 1


def broken(path: Path) -> None:
    path.write_bytes(b"pickle")


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(("harm", "message"), [(broken, "is no LoRA"), (gone, "cannot be read")])
def test_a_file_that_is_none_is_refused(harm: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    folder = project(tmp_path, f'rank = 4\ninit_from = "{FILE}"')
    harm(folder / FILE)
    ((said, _, _),) = refused(folder)
    assert message in said and FILE in said


def test_each_mode_is_looked_at(tmp_path: Path) -> None:
    folder = project(tmp_path, f'rank = 4\ninit_from = "{FILE}"\n[train.quality]\nrank = 16')
    ((said, _, _),) = refused(folder)
    assert "the recipe rank 16" in said


def test_a_rehearsal_starts_from_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path, f'rank = 4\ninit_from = "{FILE}"')
    assert load(folder, rehearsal=True).settings.mode("fast").init_from == ""
