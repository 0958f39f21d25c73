"""Datasets as other trainers have them, made of a few bytes each, and the command that reads them."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.cli import main
from ltxbuild.project.project import Project, load


@dataclass(frozen=True)
class Run:
    """One call of the command, in this process."""

    code: int
    out: str
    err: str


def call(*words: object) -> Run:
    """Call ltxbuild; a usage error of the parser is its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = int(str(stop.code))
    return Run(code, out.getvalue(), err.getvalue())


def fill(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What would change if anything below a folder were touched."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        seen = os.lstat(path)
        found[str(path)] = (seen.st_size, seen.st_mtime_ns, seen.st_ino)
    return found


def take(source: Path, target: Path, *words: str, kind: str = "character") -> tuple[Project, str]:
    """Import, see that the source is as before, and load the project. Returns it and what was said."""
    folder = source if source.is_dir() else source.parent
    before = state(folder)
    done = call("init", kind, target, "--from", source, *words)
    assert done.code == 0, done.err
    assert state(folder) == before
    assert done.out == f"{target}\n"
    return load(target), done.err


def captions(project: Project) -> dict[str, str | None]:
    """Caption by clip."""
    return {clip.key: clip.caption for clip in project.clips}


def repeats(project: Project) -> dict[str, int]:
    """Repeats by clip."""
    return {clip.key: clip.repeats for clip in project.clips}


def contents(project: Project) -> dict[str, bytes]:
    """Bytes by clip."""
    return {clip.key: (project.root / clip.path).read_bytes() for clip in project.clips}
