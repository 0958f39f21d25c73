"""What is watched, and how it looks: the stats of some files and of the entries of some folders. Reads no content."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

# Size, times in ns and inode; a folder itself has only its kind, because its times change with every temporary file.
Stats: TypeAlias = tuple[int, int, int, int]
Look: TypeAlias = Mapping[str, Stats]


@dataclass(frozen=True)
class Place:
    """`files` are saved by editors, `folders` are flat and hold large files that are copied into them.

    Names are relative to `root`, or absolute.
    """

    root: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]

    def look(self) -> dict[str, Stats]:
        """The stats of everything that is there. Hidden files, which editors and copying tools leave, are not seen."""
        found: dict[str, Stats] = {}
        for name in self.files:
            stats = _stats(self.root / name)
            if stats is not None:
                found[name] = stats
        for name in self.folders:
            found |= self._entries(name)
        return found

    def _entries(self, folder: str) -> dict[str, Stats]:
        path = self.root / folder
        try:
            found = {folder: (stat.S_IFMT(os.lstat(path).st_mode), 0, 0, 0)}
            with os.scandir(path) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(".")]
        except OSError:  # not there, or not to be listed: the build says so if it matters
            return {}
        for name in names:
            stats = _stats(path / name)
            if stats is not None:
                found[f"{folder}/{name}"] = stats
        return found

    def large(self, name: str) -> bool:
        """Whether a name of a look belongs to a file that may take long to be copied."""
        return any(name.startswith(f"{folder}/") for folder in self.folders)

    def watched_folders(self) -> tuple[Path, ...]:
        """The folders in which events tell that something of this place may have changed."""
        parents = [_nearest((self.root / name).parent) for name in self.files]
        return tuple(dict.fromkeys([*parents, *(self.root / name for name in self.folders)]))


def _stats(path: Path) -> Stats | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: where its coming into being shows."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder
