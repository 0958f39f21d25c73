"""The answer "nothing to do" before anything is parsed: stats of every file that took part. Imports almost nothing.

The file is one line of JSON (what was called, where to look), then the stats as text: they are only compared. Paths are
plain strings: `pathlib` and `dataclasses` alone would take longer to import than the answer takes to find.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence

FILE = ".ltxbuild/stamp"


def holds(root: str, call: str) -> bool:
    """Whether everything was up to date for the same `call`, and no file changed since."""
    try:
        with open(f"{root}/{FILE}", "rb") as file:
            head, _, text = file.read().partition(b"\n")
        known, folders, paths = json.loads(head)
    except (OSError, ValueError):
        return False
    return bool(known == call) and _text(_look(root, folders, paths)) == text


def write(root: str, call: str, folders: Sequence[str], paths: Sequence[str], since: int) -> None:
    """Remember that everything is up to date: what lies in `folders`, and single `paths`, files or folders.

    `since` is the filesystem's time before anything was read. A file that is newer, or so new that a further change may
    not show in its times, leaves no stamp.
    """
    from pathlib import Path

    from ltxbuild.engine import files
    from ltxbuild.engine.statcache import settled

    target, found = Path(root) / FILE, _look(root, folders, paths)
    stats = [stat for _, stat in found if stat is not None]
    if not all(settled([s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino], since) for s in stats):
        files.remove(target)
        return
    head = json.dumps([call, list(folders), list(paths)]).encode()
    files.write_atomic(target, head + b"\n" + _text(found), durable=False)


def _look(root: str, folders: Sequence[str], paths: Sequence[str]) -> list[tuple[str, os.stat_result | None]]:
    """Stats by name; None for what is not there. An edit in place shows in a file's own stat, never in its folder's."""
    found = [_stat(root, path) for path in paths]
    for folder in folders:
        found += sorted(_listing(root, folder), key=lambda pair: pair[0])
    return found


def _stat(root: str, path: str) -> tuple[str, os.stat_result | None]:
    try:
        return path, os.stat(os.path.join(root, path))  # noqa: PTH118
    except OSError:
        return path, None


def _listing(root: str, folder: str) -> Iterator[tuple[str, os.stat_result | None]]:
    try:
        with os.scandir(os.path.join(root, folder)) as entries:  # noqa: PTH118
            for entry in entries:
                try:
                    yield entry.name, entry.stat()
                except OSError:  # a symlink to nothing
                    yield entry.name, None
    except OSError:
        yield folder, None


def _text(found: list[tuple[str, os.stat_result | None]]) -> bytes:
    lines = [
        f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_ino} {name}" if s else f"none {name}"
        for name, s in found
    ]
    return "\n".join(lines).encode("utf-8", "surrogateescape")
