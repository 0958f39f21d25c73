"""Digests of the user's files by their stat, so that an unchanged file is not read again. Knows no actions."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from stat import S_ISREG

from ltxbuild.engine import digest, files
from ltxbuild.engine.state import State

# A file written twice within one tick of its filesystem's clock keeps its times: a stat is trusted only if the times
# were older than this before the file was read.
TICK_NS = 100_000_000
# FAT and some servers count whole or every other second.
COARSE_TICK_NS, SECOND_NS = 2_000_000_000, 1_000_000_000
# A file that changes under three readings is being copied.
ATTEMPTS = 3


def stat_key(path: Path) -> list[int]:
    """Size, times in ns and inode. Raises OSError."""
    stat = os.stat(path)
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def settled(stat: list[int], now: int) -> bool:
    """Whether a file with this stat, read after `now`, cannot change any more without its times changing too."""
    coarse = stat[1] % SECOND_NS == 0 and stat[2] % SECOND_NS == 0
    return max(stat[1], stat[2]) + (COARSE_TICK_NS if coarse else TICK_NS) < now


class StatCache:
    """Looks up and remembers; `root` is the project, whose relative paths are the keys."""

    def __init__(self, state: State, root: Path, folder: Path, write: bool) -> None:
        self._state, self._root, self._folder, self._write = state, root, folder, write
        self._used: dict[str, list[int]] = {}

    def digest(self, path: str) -> str:
        """The digest of a user's file. Raises OSError if it cannot be read."""
        full = self._root / path
        known = self._state.stats.get(path)
        now = stat_key(full)
        if known is None or known[:4] != now:
            return self._hash(path, full)
        self._used[path] = now
        return str(known[4])

    def answered(self, path: str) -> str | None:
        """What `digest` last said of a file, without looking at it again; None if that is not remembered."""
        known = self._state.stats.get(path)
        return str(known[4]) if known is not None and known[:4] == self._used.get(path) else None

    def used(self, paths: Iterable[str]) -> dict[str, list[int]]:
        """The stats under which `digest` last answered for these files."""
        return {path: self._used[path] for path in paths}

    def moved(self, used: Mapping[str, list[int]]) -> bool:
        """Whether a file was touched since: what was read from it meanwhile may be anything. Raises OSError."""
        return any(stat_key(self._root / path) != stat for path, stat in used.items())

    def _hash(self, path: str, full: Path) -> str:
        if not S_ISREG(os.stat(full).st_mode):  # reading a pipe or a device may never end
            raise OSError(errno.EINVAL, "it is no regular file", str(full))
        for _ in range(ATTEMPTS):
            # The clock is read first: a write during a long reading may carry the time of a write just before it.
            now = files.clock(self._folder) if self._write else 0
            before = stat_key(full)
            value = digest.of_file(full)
            if stat_key(full) == before:
                break
        else:
            raise OSError(errno.EBUSY, "it changes while it is read; wait until it is copied", str(full))
        if settled(before, now):
            self._state.add_stat(path, [*before, value])
        self._used[path] = before
        return value
