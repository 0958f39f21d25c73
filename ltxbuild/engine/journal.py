"""An append-only file of checksummed JSON lines; a damaged line is dropped. Knows nothing of what the lines mean.

A line holds the entries that were written as one piece: one while a build goes on, many after a rewrite, because one
checksum and one call of the parser cost as much as a hundred small entries.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import xxhash

from ltxbuild.engine import files
from ltxbuild.engine.mishap import unreadable
from ltxbuild.job import Json, dump_json
from ltxbuild.problem import fail

FORMAT = 2
# What a damaged line can cost, against what a short one costs to read.
BATCH = 64


def line(body: bytes) -> bytes:
    """16 hexadecimal digits of xxh3-64, a space, the body, which holds no newline."""
    return b"%s %s\n" % (xxhash.xxh3_64_hexdigest(body).encode(), body)


def body(line: bytes) -> bytes | None:
    """What a line holds, None if it is torn or damaged."""
    found = line[17:-1]
    right = line[:17] == b"%s " % xxhash.xxh3_64_hexdigest(found).encode()
    return found if right and line.endswith(b"\n") else None


def encode(entries: Sequence[Json]) -> bytes:
    """One line."""
    return line(dump_json(entries))


HEADER = encode([{"format": FORMAT}])


@dataclass(frozen=True)
class Content:
    """What a file holds: its sound entries, the bytes and lines up to the last one, whether others lie between."""

    entries: list[Any]
    good: int = 0
    lines: int = 0
    damaged: bool = False


def decode(data: bytes) -> Content:
    """Every line with a right checksum. A torn last line is what a killed process leaves; others are damage."""
    entries: list[Any] = []
    end = good = count = skipped = 0
    for text in data.splitlines(keepends=True):
        end += len(text)
        found = body(text)
        if found is None:
            skipped = end
        else:
            value = json.loads(found)
            entries += value if isinstance(value, list) else [value]
            good, count = end, count + 1
    return Content(entries, good, count, damaged=0 < skipped < good)


def read(path: Path) -> Content:
    """The entries of a file without its header. Raises ProjectError for a newer format or a file that cannot be read."""
    try:
        content = decode(path.read_bytes())
    except FileNotFoundError:
        return Content([])
    except OSError as error:
        raise unreadable(error, f"{path.parent.name}/{path.name}") from error
    if not content.entries or not isinstance(content.entries[0], dict):
        return content  # the header itself is damaged: the entries say what they are
    version = content.entries[0].get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise fail(
            "B110",
            f"{path.parent.name}/{path.name} was written by a newer ltxbuild (format {version})",
            "update ltxbuild, or delete the folder .ltxbuild: that costs only time",
        )
    if version < FORMAT:
        return Content([])  # of no release: what it stands for is made again
    return replace(content, entries=content.entries[1:])


class Journal:
    """The open journal of a build. Appends survive a killed process at once, a loss of power after `sync`.

    `lines` counts those appended.
    """

    def __init__(self, path: Path, good: int) -> None:
        self.lines = 0
        self._file = files.Appender(path, good)
        try:
            if not good:
                self._file.append(HEADER)
        except BaseException:
            self.close()
            raise

    def append(self, entries: Sequence[Json]) -> None:
        """Write the entries as one piece."""
        self._file.append(encode(entries))
        self.lines += 1

    def sync(self) -> None:
        """Survive a loss of power from here on."""
        self._file.sync()

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def rewrite(path: Path, entries: Iterable[Json]) -> None:
    """Replace the file by exactly these entries, whole or not at all."""
    rest = iter(entries)
    batches = iter(lambda: list(islice(rest, BATCH)), [])
    files.write_atomic(path, HEADER + b"".join(encode(batch) for batch in batches))
