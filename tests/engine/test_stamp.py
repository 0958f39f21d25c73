"""The stamp answers only while nothing has changed: no file, no name in a folder, nothing it was asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ltxbuild.engine import stamp

SECOND = 1_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".ltxbuild").mkdir()
    (tmp_path / "clips").mkdir()
    for name in "abc":
        (tmp_path / "clips" / name).write_text(name)
    (tmp_path / "captions.toml").write_text("x")
    return tmp_path


def later(root: Path) -> int:
    """A time at which every file is old enough."""
    return max(p.lstat().st_ctime_ns for p in root.rglob("*")) + 3 * SECOND


def write(root: Path, since: int | None = None) -> None:
    since = later(root) if since is None else since
    stamp.write(str(root), "call", ["clips"], ["captions.toml", "lora.toml"], since)


def replace_in_place(root: Path) -> None:
    """Same size, same times as far as a program can set them: the change time tells."""
    file = root / "clips" / "b"
    before = file.stat()
    file.write_text("B")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_rename(root: Path) -> None:
    shutil.copy2(root / "clips" / "b", root / "other")
    (root / "other").replace(root / "clips" / "b")


CHANGES: dict[str, Callable[[Path], object]] = {
    "edit": lambda root: (root / "captions.toml").write_text("y"),
    "in place": replace_in_place,
    "by rename": replace_by_rename,
    "add": lambda root: (root / "clips" / "d").write_text("d"),
    "remove": lambda root: (root / "clips" / "b").unlink(),
    "rename": lambda root: (root / "clips" / "b").rename(root / "clips" / "e"),
    "swap": lambda root: [
        (root / "clips" / "a").rename(root / "x"),
        (root / "clips" / "b").rename(root / "clips" / "a"),
        (root / "x").rename(root / "clips" / "b"),
    ],
    "folder gone": lambda root: shutil.rmtree(root / "clips"),
    "file appears": lambda root: (root / "lora.toml").write_text("x"),
    "damage": lambda root: (root / stamp.FILE).write_bytes((root / stamp.FILE).read_bytes()[:-7]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_answer_after_a_change(root: Path, name: str) -> None:
    write(root)
    assert stamp.holds(str(root), "call")
    CHANGES[name](root)
    assert not stamp.holds(str(root), "call")


def test_answers_the_same_call_only(root: Path) -> None:
    write(root)
    assert not stamp.holds(str(root), "another call")


def test_a_file_saved_while_the_build_looked_leaves_no_stamp(root: Path) -> None:
    write(root)
    started = later(root)
    os.utime(root / "clips" / "b", ns=(started + SECOND, started + SECOND))
    write(root, since=started)
    assert not (root / stamp.FILE).exists()


def test_odd_names_are_names(root: Path) -> None:
    os.symlink("nowhere", root / "clips" / "dangling")
    (root / "clips" / "two\nlines").write_text("x")
    Path(os.fsdecode(os.fsencode(root / "clips") + b"/\xff")).write_text("x")
    write(root)
    assert stamp.holds(str(root), "call")
    (root / "clips" / "two\nlines").unlink()
    assert not stamp.holds(str(root), "call")
