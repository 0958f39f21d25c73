"""The answer "nothing to do" before anything is parsed: stats of every file that took part. Imports almost nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

NAME = "stamp.json"
# As in the stat cache: a file changed within one tick of the clock may keep its times.
TICK_NS = 100_000_000


def stats(root: Path, paths: list[str]) -> list[list[int]]:
    """Size, times and inode of each path below `root`, folders included; an empty entry for one that is missing."""
    found: list[list[int]] = []
    for path in paths:
        try:
            stat = os.stat(os.path.join(root, path))  # noqa: PTH118 - a Path for each of 10,000 files costs more
        except OSError:
            found.append([])
            continue
        found.append([stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino])
    return found


def holds(root: Path, folder: Path, call: str) -> str | None:
    """The closing words of the last build if `call` is the same and no file changed since, else None."""
    try:
        stamp = json.loads((folder / NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if stamp["call"] != call or stats(root, stamp["paths"]) != stamp["stats"]:
        return None
    return str(stamp["words"])


def write(root: Path, folder: Path, call: str, paths: list[str], words: str, now_ns: int) -> None:
    """Remember that everything is up to date, unless a file is so new that a further change could go unseen."""
    from ltxbuild.engine import files

    found = stats(root, paths)
    if any(max(entry[1], entry[2]) + TICK_NS >= now_ns for entry in found if entry):
        files.remove(folder / NAME)
        return
    stamp = {"call": call, "paths": paths, "stats": found, "words": words}
    files.write_atomic(folder / NAME, json.dumps(stamp).encode(), durable=False)
