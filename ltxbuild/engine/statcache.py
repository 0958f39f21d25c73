"""Digests of the user's files by their stat, so that an unchanged file is not read again. Knows no actions."""

from __future__ import annotations

import os
from pathlib import Path

from ltxbuild.engine import digest, files
from ltxbuild.engine.state import State

# A file written twice within one tick of its filesystem's clock keeps its times: a stat is trusted only if the times
# were older than this when the file was hashed. FAT ticks every two seconds; no Linux filesystem in use is coarser.
TICK_NS = 100_000_000


def stat_key(path: Path) -> list[int]:
    """Size, times in ns and inode. Raises OSError."""
    stat = os.stat(path)
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


class StatCache:
    """Looks up and remembers; `root` is the project, whose relative paths are the keys."""

    def __init__(self, state: State, root: Path, folder: Path, write: bool) -> None:
        self._state, self._root, self._folder, self._write = state, root, folder, write

    def digest(self, path: str) -> str:
        """The digest of a user's file. Raises OSError if it cannot be read."""
        full = self._root / path
        known = self._state.stats.get(path)
        if known is not None and known[:4] == stat_key(full):
            return str(known[4])
        return self._hash(path, full)

    def _hash(self, path: str, full: Path) -> str:
        while True:
            before = stat_key(full)
            value = digest.of_file(full)
            if stat_key(full) == before:  # else it was written while it was read: once more
                break
        if self._write and max(before[1], before[2]) + TICK_NS < files.clock(self._folder):
            self._state.add_stat(path, [*before, value])
        return value
