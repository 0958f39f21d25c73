"""Puts objects into the build folder under readable names, and leaves alone what is not ours. Renders nothing itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltxbuild.engine import digest, files
from ltxbuild.engine.statcache import settled, stat_key
from ltxbuild.engine.workspace import Workspace
from ltxbuild.problem import fail


@dataclass(frozen=True)
class Rendered:
    """A file that is made at delivery; `render` is called only if `key` or the file changed."""

    path: str
    key: str
    render: Callable[[], bytes]


@dataclass
class Delivery:
    """One round of delivering into `folder`; `prefix` keeps variants apart in the manifest."""

    space: Workspace
    folder: Path
    say: Callable[[str], None]
    _seen: set[str]

    @classmethod
    def into(cls, space: Workspace, folder: Path, say: Callable[[str], None]) -> Delivery:
        """Begin; `folder` lies inside the project."""
        return cls(space, folder, say, set())

    def _key(self, path: str) -> str:
        return (self.folder / path).relative_to(self.space.root).as_posix()

    def _entry(self, path: str) -> dict[str, Any]:
        found = self.space.state.delivered.get(self._key(path))
        return found or {"key": "", "digest": "", "stat": []}

    def current(self, path: str, key: str) -> bool:
        """Whether `path` holds what we put there for `key`, judged by its stat alone."""
        entry = self._entry(path)
        if entry["key"] != key:
            return False
        try:
            return list(entry["stat"]) == stat_key(self.folder / path)
        except OSError:
            return False

    def copy(self, path: str, key: str) -> bool:
        """Put the object `key` at `path`; True if something was written."""
        self._seen.add(path)
        if self.current(path, key) or self._recognised(path, key, key):
            return False
        if not self.space.store.intact(key):
            what = f"what belongs at {self._key(path)} vanished from .ltxbuild"
            raise fail("B132", what, "build again, and let nothing else change that folder", 1)
        self._make_room(path, key)
        files.copy(self.space.store.path(key), self.folder / path, durable=True)
        self._note(path, key, key)
        return True

    def render(self, item: Rendered) -> bool:
        """Write a rendered file; True if something was written."""
        self._seen.add(item.path)
        entry = self._entry(item.path)
        made = str(entry["digest"]) if entry["key"] == item.key else None
        if self.current(item.path, item.key) or self._recognised(item.path, item.key, made):
            return False
        data = item.render()
        content = digest.of_bytes(data)
        self._make_room(item.path, content)
        files.write_atomic(self.folder / item.path, data)
        self._note(item.path, item.key, content)
        return True

    def finish(self) -> None:
        """Remove files of ours in this folder that are no longer produced."""
        for key in sorted(self.space.state.delivered):
            full = self.space.root / key
            path = self._inside(full)
            if path is None or path in self._seen:
                continue
            if self._ours(path):
                files.remove(full)
                files.remove_empty(full.parent, self.folder)
            self.space.state.set_delivered(key, None)

    def _inside(self, full: Path) -> str | None:
        # Variants (build/quality/...) have manifests of their own: only direct files and samples/ belong to one.
        if self.folder not in full.parents:
            return None
        inner = full.relative_to(self.folder)
        return inner.as_posix() if len(inner.parts) == 1 or inner.parts[0] == "samples" else None

    def _recognised(self, path: str, key: str, content: str | None) -> bool:
        """The file was touched or copied but has the right bytes: remember its stat, write nothing."""
        now = files.clock(self.space.folder)
        if content is None or self._content(path) != content:
            return False
        self._note(path, key, content, now)
        return True

    def _content(self, path: str) -> str | None:
        full = self.folder / path
        try:
            return digest.of_file(full) if full.is_file() else None
        except OSError:  # not to be read, hence not known as ours
            return None

    def _ours(self, path: str) -> bool:
        entry = self._entry(path)
        return self._content(path) in (entry["digest"], entry.get("coming", entry["digest"]))

    def _make_room(self, path: str, content: str) -> None:
        """Move what is not ours out of the way, and say what comes: a build killed between the two knows its file."""
        full = self.folder / path
        if os.path.lexists(full) and not self._ours(path):
            aside = full.with_name(full.name + ".local")
            number = 1
            while os.path.lexists(aside):
                number += 1
                aside = full.with_name(f"{full.name}.local{number}")
            files.replace(full, aside)
            self.say(f"{self._key(path)} was changed by hand: kept as {aside.name}")
        entry = {**self._entry(path), "stat": [], "coming": content}
        self.space.state.set_delivered(self._key(path), entry)

    def _note(self, path: str, key: str, content: str, now: int = 0) -> None:
        """What is there, and its stat if the file cannot have changed since `now` without another one."""
        try:
            stat = stat_key(self.folder / path)
        except OSError:  # removed by somebody at this very moment
            stat = []
        known = stat if stat and settled(stat, now) else []
        self.space.state.set_delivered(self._key(path), {"key": key, "digest": content, "stat": known})
