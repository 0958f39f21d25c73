"""New folders: each template loads, says what it must, and overwrites nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ltxbuild.problem import ProjectError
from ltxbuild.project.demo import write_demo
from ltxbuild.project.project import load
from ltxbuild.project.template import TEMPLATES, template_files, write_template
from ltxbuild.project.types import TYPES

WORDS = {"name": "mira", "trigger": "mira_char", "class_word": "woman", "base": "ltx-2.3"}


def test_a_template_for_each_type_and_no_more() -> None:
    assert {p.name for p in TEMPLATES.iterdir() if p.is_dir()} - {"__pycache__"} == {*TYPES, "shared"}


@pytest.mark.parametrize("kind", TYPES)
def test_template(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "mira"
    write_template(kind, target, **WORDS)
    assert {p.name for p in target.iterdir() if p.is_file()} == set(template_files(kind))
    assert set(template_files(kind)) == {"lora.toml", "captions.toml", "README.md", ".gitignore"}
    project = load(target)
    assert (project.name, project.trigger, project.class_word, project.type) == (
        "mira",
        "mira_char",
        "woman",
        kind,
    )
    assert project.clips == () and project.orphans == ()
    lora = (target / "lora.toml").read_text()
    assert lora.startswith("#:schema .ltxbuild/schema/lora.json\n") and len(lora.splitlines()) < 20
    assert json.loads((target / ".ltxbuild/schema/lora.json").read_text())["required"]
    assert (target / "references").is_dir() == (kind == "control")


@pytest.mark.parametrize("kind", TYPES)
def test_examples_of_captions_work_when_uncommented(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "mira"
    write_template(kind, target, **WORDS)
    text = (target / "captions.toml").read_text()
    examples, count = re.subn(r"^# (mira_\d+ = )", r"\1", text, flags=re.M)
    assert count == 2
    (target / "captions.toml").write_text(examples)
    for stem in ("mira_01", "mira_02"):
        (target / "clips" / f"{stem}.mp4").touch()
    clips = load(target).clips
    assert all("mira_char" in (c.caption or "") and len((c.caption or "").split()) >= 8 for c in clips)


def test_control_says_where_references_go(tmp_path: Path) -> None:
    write_template("control", tmp_path, **WORDS)
    for name in ("README.md", "captions.toml"):
        assert "references/" in (tmp_path / name).read_text()


def test_nothing_is_overwritten_and_all_in_the_way_is_listed(tmp_path: Path) -> None:
    for name in ("lora.toml", "README.md"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(ProjectError) as caught:
        write_template("style", tmp_path, **WORDS)
    assert len(caught.value.problems) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README.md", "lora.toml"]
    assert (tmp_path / "lora.toml").read_text() == "mine"


def test_unusable_words_are_refused_before_writing(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        write_template("style", tmp_path / "x", name="a/b", trigger='"', class_word='"\n', base="tiny")
    assert {p.code for p in caught.value.problems} == {"P205", "P206", "P207"}
    assert not (tmp_path / "x").exists()


def test_demo(tmp_path: Path) -> None:
    target = tmp_path / "demo"
    write_demo(target)
    project = load(target)
    assert project.base.spec == "tiny" and project.type == "character"
    assert len(project.clips) >= 12 and not project.orphans
    assert all((c.caption or "").startswith("mira_char") for c in project.clips)
    with pytest.raises(ProjectError):
        write_demo(target)
