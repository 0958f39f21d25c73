"""An append-only file of checksummed JSON lines; a damaged line is dropped. Knows nothing of what the lines mean."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from ltxbuild.engine import files
from ltxbuild.engine.mishap import unreadable
from ltxbuild.job import Json, dump_json
from ltxbuild.problem import fail

FORMAT = 1


def encode(entry: Json) -> bytes:
    """One line: 16 hexadecimal digits of xxh3-64, a space, the JSON."""
    body = dump_json(entry)
    return xxhash.xxh3_64_hexdigest(body).encode() + b" " + body + b"\n"


@dataclass(frozen=True)
class Content:
    """What a file holds: its sound entries, the bytes up to the end of the last one, and whether others lie between."""

    entries: list[Any]
    good: int = 0
    damaged: bool = False


def decode(data: bytes) -> Content:
    """Every line with a right checksum. A torn last line is what a killed process leaves; others are damage."""
    entries: list[Any] = []
    end = good = skipped = 0
    for line in data.splitlines(keepends=True):
        end += len(line)
        body = line[17:-1]
        if line.endswith(b"\n") and xxhash.xxh3_64_hexdigest(body).encode() + b" " == line[:17]:
            entries.append(json.loads(body))
            good = end
        else:
            skipped = end
    return Content(entries, good, damaged=0 < skipped < good)


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
    return Content(content.entries[1:], content.good, content.damaged)


class Journal:
    """The open journal of a build. Appends survive a killed process at once, a loss of power after `sync`."""

    def __init__(self, path: Path, good: int) -> None:
        self._file = files.Appender(path, good)
        try:
            if not good:
                self._file.append(encode({"format": FORMAT}))
        except BaseException:
            self.close()
            raise

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
