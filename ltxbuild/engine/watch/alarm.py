"""Rings when something may have happened in a folder. The only file that knows watchdog; trusted with nothing more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from watchdog.events import (
    DirDeletedEvent,
    FileClosedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

# With inotify, renames are not asked for: watchdog holds every event behind one back for half a second, to find the
# other half of the pair. An atomic save is a write in the same folder just before, which rings; a bare rename is seen
# by the next look. Opening and reading, which the build itself does, are not asked for either.
EVENTS: list[type[FileSystemEvent]] | None = (
    [FileModifiedEvent, FileClosedEvent, FileDeletedEvent, DirDeletedEvent]
    if sys.platform == "linux"
    else None
)


class Alarm(FileSystemEventHandler):
    """Calls `ring`, from another thread, for events in the folders that it covers."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._observer = Observer()
        self._watches: dict[Path, tuple[tuple[int, int], ObservedWatch]] = {}
        self._observer.start()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Whatever it was: look again."""
        self._ring()

    def cover(self, folders: Iterable[Path]) -> None:
        """Watch these folders as they are now; one that was deleted and came back is another folder. Raises OSError."""
        wanted = {path: identity for path in folders if (identity := _identity(path)) is not None}
        for path, (identity, watch) in list(self._watches.items()):
            if wanted.get(path) != identity:
                del self._watches[path]
                self._observer.unschedule(watch)
        for path, identity in wanted.items():
            if path not in self._watches:
                watch = self._observer.schedule(self, str(path), recursive=False, event_filter=EVENTS)
                self._watches[path] = (identity, watch)

    def close(self) -> None:
        """Stop watching."""
        self._observer.stop()
        self._observer.join()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
