"""An append-only file of checksummed JSON lines; a torn tail is dropped. Knows nothing of what the lines mean."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xxhash

from ltxbuild.engine import files
from ltxbuild.job import Json, dump_json
from ltxbuild.problem import fail

FORMAT = 1


def encode(entry: Json) -> bytes:
    """One line: 16 hexadecimal digits of xxh3-64, a space, the JSON."""
    body = dump_json(entry)
    return xxhash.xxh3_64_hexdigest(body).encode() + b" " + body + b"\n"


def decode(data: bytes) -> tuple[list[Any], int]:
    """The entries up to the first line that is torn or damaged, and the number of good bytes."""
    entries: list[Any] = []
    good = 0
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n") or len(line) < 18 or line[16:17] != b" ":
            break
        body = line[17:-1]
        if xxhash.xxh3_64_hexdigest(body).encode() != line[:16]:
            break
        entries.append(json.loads(body))
        good += len(line)
    return entries, good


def read(path: Path) -> tuple[list[Any], int]:
    """All good entries of a file after its header. Raises ProjectError for a newer format."""
    try:
        entries, good = decode(path.read_bytes())
    except FileNotFoundError:
        return [], 0
    if not entries:
        return [], 0
    version = entries[0].get("format") if isinstance(entries[0], dict) else None
    if not isinstance(version, int) or version > FORMAT:
        raise fail(
            "B110",
            f"{path.parent.name}/{path.name} was written by a newer ltxbuild (format {version})",
            "update ltxbuild, or delete the folder .ltxbuild: that costs only time",
        )
    return entries[1:], good


class Journal:
    """The open journal of a build. Appends survive a killed process at once, a loss of power after `sync`."""

    def __init__(self, path: Path, good: int) -> None:
        self._file = files.Appender(path, good)
        if not good:
            self._file.append(encode({"format": FORMAT}))

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.size

    def append(self, entries: Iterable[Json]) -> None:
        """Write the entries as one piece."""
        self._file.append(b"".join(encode(entry) for entry in entries))

    def sync(self) -> None:
        """Survive a loss of power from here on."""
        self._file.sync()

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def rewrite(path: Path, entries: Iterable[Json]) -> None:
    """Replace the file by exactly these entries, whole or not at all."""
    files.write_atomic(path, encode({"format": FORMAT}) + b"".join(encode(entry) for entry in entries))
