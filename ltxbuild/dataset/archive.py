"""A zip as the place of a dataset. Nothing is unpacked: members are read one by one, after all were looked at."""

from __future__ import annotations

import posixpath
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from ltxbuild.dataset.source import Source, check_limits, shown
from ltxbuild.problem import Problem, ProjectError, fail
from ltxbuild.project.clips import LITTER
from ltxbuild.project.names import control_character

# Compressed video does not shrink, and text shrinks to a tenth: proposals of ours, with room for blank pictures.
MOST_RATIO, SMALL = 200, 2**20
# zlib and friends say what is wrong with a member in their own ways.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass
class Archive(Source):
    """The members of a zip, below `prefix`."""

    prefix: str = ""
    archive: bool = True
    _zip: zipfile.ZipFile = field(init=False, repr=False)
    _members: dict[str, zipfile.ZipInfo] = field(default_factory=dict, repr=False)

    def fill(self) -> None:
        """List the members. Raises ProjectError D102 with every member that is unsafe, D107 for too many bytes."""
        try:
            self._zip = zipfile.ZipFile(self.place)
        except DAMAGE as error:
            raise fail("D102", f"{self.name} is no readable zip: {error}", "fetch or make it again") from None
        members = list(self._zip.infolist())
        check_limits(self.name, len(members), sum(member.file_size for member in members))
        problems = list(self._unsafe(members))
        if problems:
            raise ProjectError(problems)
        self._members = {_plain(m): m for m in members if not m.is_dir() and not _litter(m.filename)}
        self.files = {path: member.file_size for path, member in self._members.items()}

    def open(self, path: str) -> BinaryIO:
        """A member; what is damaged is raised as ValueError when it is read."""
        return cast(BinaryIO, _Checked(self._zip, self._members[self.prefix + path]))

    def locate(self, path: str) -> str | None:
        """A zip has no absolute paths."""
        return None

    def enter(self, folder: str) -> None:
        """The members of `folder` alone."""
        self.prefix += f"{folder}/"
        self.files = {path.removeprefix(f"{folder}/"): size for path, size in self.files.items()}

    def _unsafe(self, members: list[zipfile.ZipInfo]) -> Iterator[Problem]:
        seen: set[str] = set()
        for member in members:
            why = _fault(member)
            if not why and _plain(member) in seen:
                why = "stands in it twice"
            seen.add(_plain(member))
            if why:
                hint = "make the zip again, with clips and captions alone"
                yield Problem("D102", f"{self.name}: `{shown(member.filename)}` {why}", hint=hint)


class _Checked:
    """A member that is being read: damage becomes a ValueError, whatever the compression calls it."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        try:
            self._file = archive.open(member)
        except DAMAGE as error:
            raise ValueError(str(error)) from None

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes."""
        try:
            return self._file.read(size)
        except DAMAGE as error:
            raise ValueError(str(error)) from None

    def __enter__(self) -> _Checked:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _fault(member: zipfile.ZipInfo) -> str:
    """Why a member is not to be touched; empty if it may be."""
    name = member.filename
    if control_character(name):
        return "has an invisible character in its name"
    if name.startswith("/") or "\\" in name or name[1:2] == ":" or ".." in name.split("/"):
        return "is a path that leads out of the zip"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symlink"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.file_size > max(SMALL, MOST_RATIO * member.compress_size):
        return f"would grow more than {MOST_RATIO} times when it is unpacked"
    return ""


def _plain(member: zipfile.ZipInfo) -> str:
    """The member's path without `.` and empty parts."""
    return posixpath.normpath(member.filename)


def _litter(name: str) -> bool:
    """Hidden files, and what file managers put into zips."""
    parts = posixpath.normpath(name).split("/")
    return any(p.startswith(".") or p == "__MACOSX" or p.casefold() in LITTER for p in parts)


def open_archive(path: Path, name: str) -> Archive:
    """The zip at `path`, looked through."""
    archive = Archive(path, name)
    archive.fill()
    return archive
