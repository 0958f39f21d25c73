"""An append-only file of checksummed JSON lines; a damaged line is dropped. Knows nothing of what the lines mean.

A line holds the entries that were written as one piece: one while a build goes on, many after a rewrite, because one
checksum and one call of the parser cost as much as a hundred small entries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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
    """What a file holds: the bytes and the lines up to the last sound one, and whether others lie between."""

    good: int = 0
    lines: int = 0
    damaged: bool = False


def decode(data: Iterable[bytes], apply: Callable[[Any], None]) -> Content:
    """Apply the entries of every line with a right checksum. A torn last line is what a killed process leaves; others
    are damage.
    """
    end = good = count = skipped = 0
    for text in data:
        end += len(text)
        found = body(text)
        if found is None:
            skipped = end
            continue
        value = json.loads(found)
        entries = value if isinstance(value, list) else [value]
        if entries and isinstance(entries[0], dict):
            if not _readable(entries[0]):
                return Content()
        else:  # a damaged header is no loss: the entries say what they are
            for entry in entries:
                apply(entry)
        good, count = end, count + 1
    return Content(good, count, damaged=0 < skipped < good)


def _readable(header: dict[str, Any]) -> bool:
    """False for an older format, of no release: what it stands for is made again. Raises ProjectError for a newer one."""
    version = header.get("format")
    if isinstance(version, int) and version <= FORMAT:
        return version == FORMAT
    raise fail(
        "B110",
        f".ltxbuild was written by a newer ltxbuild (format {version})",
        "update ltxbuild, or delete the folder .ltxbuild: that costs only time",
    )


def read(path: Path, apply: Callable[[Any], None]) -> Content:
    """Apply the entries of a file. Raises ProjectError for a newer format or a file that cannot be read."""
    try:
        with open(
            path, "rb"
        ) as file:  # line by line: in one piece, the state of 10,000 clips would be there twice
            return decode(file, apply)
    except FileNotFoundError:
        return Content()
    except OSError as error:
        raise unreadable(error, f"{path.parent.name}/{path.name}") from error


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
