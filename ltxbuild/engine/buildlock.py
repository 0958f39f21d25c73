"""One build at a time in a folder: an OS lock, which no crash can leave behind. Knows nothing of what is built."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from ltxbuild.problem import fail


class BuildLock:
    """Held from `acquire` to `release`; the file's text only serves the other side's message."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises ProjectError (exit 1) naming the build that holds it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip() or "another build"
            os.close(handle)
            raise fail(
                "B120", f"this folder is being built by {holder}", "wait for it or stop it", 1
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} ({Path(sys.argv[0]).name})\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Give the lock back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
