"""What actions were made from, by fingerprint: read only to explain a change. Knows neither actions nor records.

These are most of what is kept of a build, and a build that has little to do never needs them: they stand in a file
beside the journal, which nobody reads before something has changed. What is damaged here costs explanations alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ltxbuild.engine import files, journal
from ltxbuild.engine.fingerprint import Walk
from ltxbuild.job import Json, dump_json

KEY = slice(17, 49)


@dataclass(frozen=True)
class LastWalk:
    """The parts of an action when it last ran or was reused, kept to explain the next change."""

    fingerprint: str
    version: int
    parts: Mapping[tuple[str, ...], tuple[str, Json]]
    bags: Mapping[str, tuple[str, ...]]


class Traces:
    """A file of lines: checksum, key, JSON. A key is a fingerprint, or the digest of a bag, which many walks share."""

    def __init__(self, path: Path, write: bool) -> None:
        self._path, self._write = path, write
        self._file: files.Appender | None = None
        self._added: set[str] = set()

    def add(self, walk: Walk) -> None:
        """Keep what a fingerprint stands for."""
        entries: dict[str, Json] = {walk.fingerprint: [walk.version, list(walk.parts)], **walk.bags}
        lines = [
            journal.line(key.encode() + dump_json(entry))
            for key, entry in entries.items()
            if key not in self._added
        ]
        if self._write and lines:
            self._open().append(b"".join(lines))
            self._added.update(entries)  # `|=` with a view of keys copies the whole set

    def find(self, fingerprint: str) -> LastWalk | None:
        """What the fingerprint stands for, None if that is lost."""
        found = self._value(fingerprint)
        if found is None:
            return None
        version, parts = found
        bags = {value: tuple(self._value(value) or ()) for _, kind, value in parts if kind == "bag"}
        return LastWalk(fingerprint, version, {tuple(p): (k, v) for p, k, v in parts}, bags)

    def retain(self, fingerprints: Collection[str]) -> None:
        """Write the file anew with these alone, and the bags that they name."""
        wanted = dict.fromkeys(fingerprints)
        for walk in [self.find(key) for key in wanted]:
            wanted.update(dict.fromkeys(walk.bags if walk is not None else ()))
        kept = [line for key in wanted if (line := self._line(key)) is not None]
        self.close()
        files.write_atomic(self._path, b"".join(kept), durable=False)
        self._forget()

    def _forget(self) -> None:
        self._added.clear()
        self.__dict__.pop("_places", None)

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> files.Appender:
        if self._file is None:
            self._file = files.Appender(self._path)
            self._file.append(b"\n")  # a torn line before it ends here
        return self._file

    @cached_property
    def _places(self) -> dict[int, int]:
        """Where the line of each key begins. Keys as numbers and no lines: of 100,000 they would fill the memory."""
        found, place = {}, 0
        try:
            with open(self._path, "rb") as file:
                for line in file:
                    found[hash(line[KEY])] = place
                    place += len(line)
        except OSError:
            return {}
        return found

    def _line(self, key: str) -> bytes | None:
        if key in self._added:
            self._forget()  # the file has grown since it was read
        wanted = key.encode()
        place = self._places.get(hash(wanted))
        if place is None:
            return None
        with open(self._path, "rb") as file:
            file.seek(place)
            line = file.readline()
        return line if line[KEY] == wanted else None

    def _value(self, key: str) -> Any:
        line = self._line(key)
        body = None if line is None else journal.body(line)
        return None if body is None else json.loads(body[len(key) :])
