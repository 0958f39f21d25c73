"""The folder `.ltxbuild` of a project: store, state, logs, partial work. Knows no graph."""

from __future__ import annotations

import re
from pathlib import Path

from ltxbuild.engine import files
from ltxbuild.engine.buildlock import BuildLock
from ltxbuild.engine.statcache import StatCache
from ltxbuild.engine.state import State
from ltxbuild.engine.store import Store

FOLDER = ".ltxbuild"
TAIL_LINES = 20


class Workspace:
    """Open it with `write` for a build (takes the lock), without for everything that only looks."""

    def __init__(self, root: Path, write: bool, variant: str = "") -> None:
        """Raises ProjectError if another build is running or the state is of a newer format."""
        self.root = root
        self.folder = root / FOLDER
        self._lock: BuildLock | None = None
        if write:
            files.make_folder(self.folder)
            self._lock = BuildLock(self.folder / "lock")
            self._lock.acquire()
            files.remove_tree(self.folder / "tmp")
        self.store = Store(self.folder / "objects")
        self.state = State.load(self.folder / "journal", write, variant)
        self.stats = StatCache(self.state, root, self.folder, write)

    def close(self) -> None:
        """Write everything through and give the lock back."""
        self.state.close()
        if self._lock is not None:
            self._lock.release()

    def scratch(self, fingerprint: str) -> Path:
        """Where an action writes its outputs; emptied when a build begins."""
        return self.folder / "tmp" / fingerprint

    def partial(self, fingerprint: str) -> Path:
        """Where an action keeps partial work."""
        return self.folder / "partial" / fingerprint

    def log(self, action: str) -> Path:
        """The file that holds what an action printed the last time it ran."""
        return self.folder / "logs" / (re.sub(r"[^\w.-]", "_", action) + ".log")

    def log_tail(self, action: str) -> tuple[str, ...]:
        """The last lines of an action's log."""
        try:
            text = self.log(action).read_text("utf-8", "replace")
        except FileNotFoundError:
            return ()
        return tuple(text.splitlines()[-TAIL_LINES:])
