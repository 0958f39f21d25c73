"""The files that a dataset consists of, in a folder or a zip: listed within limits, opened only for reading.

A path that a dataset's file names is looked up among the listed files, so nothing outside of the source can be named.
"""

from __future__ import annotations

import os
import posixpath
import stat
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ltxbuild.problem import Problem, Span, fail
from ltxbuild.project.clips import IMAGES, LITTER, VIDEOS, fold
from ltxbuild.project.names import control_character

CLIPS = VIDEOS | IMAGES
# Proposals of ours: far above any dataset for a LoRA, and far below what would fill a disk or a memory by surprise.
MOST_FILES = 100_000
MOST_BYTES = 500 * 10**9
DEEPEST = 12
LARGEST_LIST = 64 * 2**20
LARGEST_SIDECAR = 256 * 2**10


@dataclass(frozen=True)
class Missing:
    """Why a path that a dataset's file names is not there; `code` is the problem's."""

    code: str
    why: str


@dataclass
class Source(ABC):
    """A dataset's place. `files`: bytes by path; `only`: the dataset's file, where the user named one."""

    place: Path
    name: str
    files: dict[str, int] = field(default_factory=dict)
    left: list[Problem] = field(default_factory=list)
    only: str | None = None
    archive: bool = False

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """A listed file, for reading. Raises OSError, or ValueError for a damaged archive."""

    @abstractmethod
    def locate(self, path: str) -> str | None:
        """An absolute path as one inside of the source; None if it leads elsewhere."""

    @abstractmethod
    def enter(self, folder: str) -> None:
        """See the source from one of its folders."""

    def lists(self, *suffixes: str) -> Iterator[str]:
        """The files at the top that may be a dataset's list or configuration, or the one that the user named."""
        names = [self.only] if self.only else [name for name in self.files if "/" not in name]
        return (name for name in names if suffix_of(name) in suffixes)

    def clips(self) -> list[str]:
        """Every file whose kind is one of a clip's."""
        return [path for path in self.files if suffix_of(path) in CLIPS]

    def text(self, path: str, limit: int = LARGEST_LIST) -> str | Problem:
        """A text file: UTF-8 with or without a mark, or UTF-16 with one, as some editors save."""
        if self.files[path] > limit:
            what = f"{path} has {self.files[path]:,} bytes, more than the {limit:,} that a text file may have"
            return Problem("D104", what, hint="it is probably another file under this name")
        try:
            with self.open(path) as file:
                data = file.read(limit + 1)
        except (OSError, ValueError) as error:
            return unreadable(path, error)
        coding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            return data.decode(coding)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            return Problem("D104", f"{path} is not UTF-8", Span(path, line), "save it as UTF-8")

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, once the source is seen from where it will be read."""
        parents = {parent for path in self.files for parent in PurePosixPath(path).parents}
        return frozenset(map(str, parents))

    @cached_property
    def folded(self) -> dict[str, str]:
        """Files by their names as systems see them to which case and composition are one; only what is unique there."""
        counted = Counter(map(fold, self.files))
        return {fold(path): path for path in self.files if counted[fold(path)] == 1}

    def find(self, written: str, beside: str = "") -> str | Missing:
        """The listed file or folder that `written` means, seen from the folder of the file `beside`; or why it is none.

        `.` is the source itself.
        """
        if control_character(written) or not written.strip():
            return Missing("D204", "is no path: it is empty or has invisible characters")
        # Lists made on Windows have backslashes, which no clip's name may have.
        path = written.replace("\\", "/")
        if posixpath.isabs(path) or path[1:2] == ":" or path.startswith("~"):
            inside = self.locate(path)
            if inside is None:
                return self._outside()
        else:
            inside = posixpath.normpath(posixpath.join(posixpath.dirname(beside), path))
        if inside == ".." or inside.startswith("../"):
            return self._outside()
        if inside in self.files or inside in self.folders:
            return inside
        # Made on another system: case or composition of the name may differ.
        alike = self.folded.get(fold(inside))
        return alike if alike is not None else Missing("D202", f"is not in {self.name}")

    def _outside(self) -> Missing:
        return Missing("D203", f"lies outside of {self.name}: nothing is read from elsewhere")


@dataclass
class Folder(Source):
    """A folder of the file system; symlinks in it are not followed."""

    def open(self, path: str) -> BinaryIO:
        """Open without following a link that was put there since, and without waiting for a pipe."""
        handle = os.open(self.place / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError("it is no file")
        return os.fdopen(handle, "rb")

    def locate(self, path: str) -> str | None:
        """Inside if the folder is a parent of it, before or after links of the folder's own path are resolved."""
        plain = Path(posixpath.normpath(path))
        for root in (Path(os.path.abspath(self.place)), self.place.resolve()):  # noqa: PTH100 links stay
            if root == plain or root in plain.parents:
                return plain.relative_to(root).as_posix()
        return None

    def enter(self, folder: str) -> None:
        """The files of `folder` alone."""
        self.place /= folder
        self.files = {path.removeprefix(f"{folder}/"): size for path, size in self.files.items()}

    def fill(self) -> None:
        """List the files. Raises ProjectError D107 when there are more than a dataset can have."""
        self._walk("", 0)
        check_limits(self.name, len(self.files), sum(self.files.values()))

    def _walk(self, inner: str, depth: int) -> None:
        with os.scandir(self.place / inner) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            path = f"{inner}{entry.name}"
            if entry.name.startswith(".") or entry.name.casefold() in LITTER:
                continue
            if why := self._refused(entry, depth):
                self.left.append(Problem("D207", f"{shown(path)} {why}", severity="warning"))
            elif entry.is_dir(follow_symlinks=False):
                self._walk(f"{path}/", depth + 1)
            else:
                self.files[path] = entry.stat(follow_symlinks=False).st_size
            if len(self.files) > MOST_FILES:
                check_limits(self.name, len(self.files), 0)

    def _refused(self, entry: os.DirEntry[str], depth: int) -> str:
        if sign := control_character(entry.name):
            return f"has the invisible character {sign} in its name"
        if entry.is_symlink():
            return "is a symlink, and nothing is read from elsewhere: copy the file"
        if entry.is_dir():
            return "" if depth < DEEPEST else f"is more than {DEEPEST} folders deep"
        return "" if entry.is_file() else "is neither file nor folder"


def shown(path: str) -> str:
    """A path that can be printed."""
    return path.encode("unicode_escape").decode("ascii") if control_character(path) else path


def suffix_of(path: str) -> str:
    """`.mp4` of `a/b.MP4`."""
    return posixpath.splitext(path)[1].lower()


def unreadable(path: str, error: OSError | ValueError) -> Problem:
    """The problem of a listed file that cannot be opened or read."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Problem("D108", f"{path} cannot be read: {why}", hint="look at its permissions, or fetch it again")


def stem_of(path: str) -> str:
    """`a/b` of `a/b.mp4`: the path without its extension."""
    return posixpath.splitext(path)[0]


def check_limits(name: str, count: int, size: int) -> None:
    """Raise ProjectError D107 for more files or bytes than a dataset can have."""
    if count > MOST_FILES:
        raise fail("D107", f"{name} has more than {MOST_FILES:,} files", "name the dataset's own folder")
    if size > MOST_BYTES:
        what = f"{name} holds {size / 1e9:,.0f} GB, more than the {MOST_BYTES / 1e9:,.0f} GB of the largest dataset"
        raise fail("D107", what, "name the dataset's own folder, or import a part of it")
