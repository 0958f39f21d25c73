"""One build at a time in a folder: an OS lock, which no crash can leave behind. Knows nothing of what is built."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

from ltxbuild.engine import files
from ltxbuild.problem import fail


class BuildLock:
    """Held from `acquire` to `release`; the file's text serves the other side's message, and tells how a holder ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False if its last holder was killed. Raises ProjectError (exit 1) naming who holds it."""
        handle = files.open_lock(self._path)
        try:
            before = self._take(handle)
            name = f"process {os.getpid()} ({Path(sys.argv[0]).name})\n"
            files.label_lock(handle, self._path, name.encode())
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return not before

    def _take(self, handle: int) -> str:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._text(handle) or "another build"
            what = f"this folder is being built by {holder}"
            raise fail("B120", what, "wait for it or stop it", 1) from None
        except OSError as error:
            what = f"{self._path} cannot be locked: {error.strerror}"
            raise fail("B121", what, "keep the project on a filesystem with locks", 1) from error
        return self._text(handle)

    def _text(self, handle: int) -> str:
        return os.pread(handle, 200, 0).decode("utf-8", "replace").strip()

    def release(self) -> None:
        """Give the lock back."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                files.label_lock(handle, self._path, b"")
            finally:
                os.close(handle)
