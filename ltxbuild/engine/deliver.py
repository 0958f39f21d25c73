"""Puts objects into the build folder under readable names, and leaves alone what is not ours. Renders nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.engine import digest, files
from ltxbuild.engine.statcache import stat_key
from ltxbuild.engine.workspace import Workspace


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

    def current(self, path: str, key: str) -> bool:
        """Whether `path` holds what we put there for `key`, judged by its stat alone."""
        entry = self.space.state.delivered.get(self._key(path))
        if entry is None or entry["key"] != key:
            return False
        try:
            return list(entry["stat"]) == stat_key(self.folder / path)
        except FileNotFoundError:
            return False

    def copy(self, path: str, key: str) -> bool:
        """Put the object `key` at `path`; True if something was written."""
        self._seen.add(path)
        if self.current(path, key) or self._recognised(path, key, key):
            return False
        self._save_users_own(path)
        files.copy(self.space.store.path(key), self.folder / path, durable=True)
        self._note(path, key, key)
        return True

    def render(self, item: Rendered) -> bool:
        """Write a rendered file; True if something was written."""
        self._seen.add(item.path)
        entry = self.space.state.delivered.get(self._key(item.path))
        made = str(entry["digest"]) if entry is not None and entry["key"] == item.key else None
        if self.current(item.path, item.key) or self._recognised(item.path, item.key, made):
            return False
        data = item.render()
        self._save_users_own(item.path)
        files.write_atomic(self.folder / item.path, data)
        self._note(item.path, item.key, digest.of_bytes(data))
        return True

    def finish(self) -> None:
        """Remove files of ours in this folder that are no longer produced."""
        for key in sorted(self.space.state.delivered):
            full = self.space.root / key
            path = self._inside(full)
            if path is None or path in self._seen:
                continue
            entry = self.space.state.delivered[key]
            if full.is_file() and digest.of_file(full) == entry["digest"]:
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
        full = self.folder / path
        if content is None or not full.is_file() or digest.of_file(full) != content:
            return False
        self._note(path, key, content)
        return True

    def _save_users_own(self, path: str) -> None:
        """Move a file that is not what we delivered out of the way."""
        full = self.folder / path
        if not full.is_file():
            return
        entry = self.space.state.delivered.get(self._key(path))
        if entry is not None and digest.of_file(full) == entry["digest"]:
            return
        aside = full.with_name(full.name + ".local")
        number = 1
        while aside.exists():
            number += 1
            aside = full.with_name(f"{full.name}.local{number}")
        files.replace(full, aside)
        self.say(f"{self._key(path)} was changed by hand: kept as {aside.name}")

    def _note(self, path: str, key: str, content: str) -> None:
        stat = stat_key(self.folder / path)
        self.space.state.set_delivered(self._key(path), {"key": key, "digest": content, "stat": stat})
