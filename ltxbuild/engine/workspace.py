"""The folder `.ltxbuild` of a project: store, state, logs, partial work. Knows no graph."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ltxbuild.engine import digest, files
from ltxbuild.engine.buildlock import BuildLock
from ltxbuild.engine.statcache import StatCache
from ltxbuild.engine.state import State
from ltxbuild.engine.store import Store

if TYPE_CHECKING:
    from ltxbuild.engine.shared import Shared

FOLDER = ".ltxbuild"
TAIL_LINES = 20
LOG_NAME_BYTES = 200


class Workspace:
    """Open it with `write` for a build (takes the lock), without for everything that only looks."""

    def __init__(self, root: Path, write: bool, variant: str = "") -> None:
        """Raises ProjectError if another build is running or the state is of a newer format."""
        self.root = root
        self.folder = root / FOLDER
        self.shared: Shared | None = None
        self._lock: BuildLock | None = None
        try:
            if write:
                self._begin()
            self.store = Store(self.folder / "objects")
            self.state = State.load(self.folder / "journal", write, variant)
        except BaseException:
            self._give_back()
            raise
        self.stats = StatCache(self.state, root, self.folder, write)

    def _begin(self) -> None:
        files.make_folder(self.folder)
        lock = BuildLock(self.folder / "lock")
        ended_well = lock.acquire()
        self._lock = lock
        files.remove_tree(self.folder / "tmp")
        if not ended_well:
            files.sweep(self.root, deep=False)
            files.sweep(self.root / "build")
            files.sweep(self.folder)

    def close(self) -> None:
        """Write everything through and give the lock back."""
        try:
            self.state.close()
        finally:
            self._give_back()

    def _give_back(self) -> None:
        if self._lock is not None:
            lock, self._lock = self._lock, None
            lock.release()

    def share(self, place: str) -> None:
        """Use a folder (relative to the project) or a URL together with other machines from here on."""
        from ltxbuild.engine.depot import open_depot  # only for who shares
        from ltxbuild.engine.shared import Shared

        self.shared = Shared(open_depot(place, self.root), place, self.store, self.folder / "tmp")

    def scratch(self, fingerprint: str) -> Path:
        """Where an action writes its outputs; emptied when a build begins."""
        return self.folder / "tmp" / fingerprint

    def partial(self, fingerprint: str) -> Path:
        """Where an action keeps partial work."""
        return self.folder / "partial" / fingerprint

    def log(self, action: str) -> Path:
        """The file that holds what an action printed the last time it ran."""
        name = re.sub(r"[^\w.:-]", "_", action)
        if name != action or len(name.encode()) > LOG_NAME_BYTES:
            # Two names may be one without their odd characters, and a file's name may have 255 bytes.
            start = name.encode()[:LOG_NAME_BYTES].decode("utf-8", "ignore")
            name = f"{start}-{digest.of_bytes(action.encode())[:8]}"
        return self.folder / "logs" / (name.replace(":", "_") + ".log")

    def log_tail(self, action: str) -> tuple[str, ...]:
        """The last lines of an action's log."""
        try:
            text = self.log(action).read_text("utf-8", "replace")
        except OSError:  # a message must not fail for want of a detail
            return ()
        return tuple(text.splitlines()[-TAIL_LINES:])
