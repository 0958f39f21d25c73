"""What past builds left: records, the last walk of each action, file stats, deliverables, history. Runs nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltxbuild.engine import journal
from ltxbuild.engine.fingerprint import Walk
from ltxbuild.engine.journal import Journal
from ltxbuild.job import Json

# A journal is rewritten when it is opened for a build and has grown to this many bytes and four times its content.
COMPACT_BYTES = 1 << 20
COMPACT_FACTOR = 4


@dataclass(frozen=True)
class Record:
    """A finished action: what it made. Only successes are recorded."""

    fingerprint: str
    free: str
    stage: str
    version: int
    outputs: Mapping[str, str]
    seconds: float
    made_with: str

    def encode(self) -> Json:
        """As a line of the journal."""
        return [
            "record",
            self.fingerprint,
            self.free,
            self.stage,
            self.version,
            dict(self.outputs),
            self.seconds,
            self.made_with,
        ]


@dataclass(frozen=True)
class LastWalk:
    """The parts of an action when it last ran or was reused, kept to explain the next change."""

    fingerprint: str
    version: int
    parts: Mapping[tuple[str, ...], tuple[str, Json]]
    bags: Mapping[str, tuple[str, ...]]


@dataclass
class State:
    """Everything in memory; with a journal every change is also written down.

    Records are shared by all variants of a build; the last walk of an action, which explains, is its variant's own.
    """

    path: Path
    variant: str = ""
    records: dict[str, Record] = field(default_factory=dict)
    free: dict[str, str] = field(default_factory=dict)
    walks: dict[str, Json] = field(default_factory=dict)
    stats: dict[str, list[Any]] = field(default_factory=dict)
    delivered: dict[str, dict[str, Any]] = field(default_factory=dict)
    builds: list[dict[str, Any]] = field(default_factory=list)
    # Records since the last build that ended: what a killed one had made by then is in no build's manifest.
    recent: dict[str, None] = field(default_factory=dict)
    _journal: Journal | None = None

    @classmethod
    def load(cls, path: Path, write: bool, variant: str = "") -> State:
        """Read the journal at `path`; with `write` it is opened, cut to its good part and compacted if that pays."""
        state = cls(path, variant)
        content = journal.read(path)
        entries, good = content.entries, content.good
        for entry in entries:
            state._apply(entry)
        if write:
            live = sum(1 for _ in state._entries())
            if content.damaged or (good > COMPACT_BYTES and len(entries) > COMPACT_FACTOR * live):
                journal.rewrite(path, state._entries())
                good = path.stat().st_size
            state._journal = Journal(path, good)
        return state

    def close(self) -> None:
        """Sync and release the journal."""
        if self._journal is not None:
            log, self._journal = self._journal, None
            try:
                log.sync()
            finally:
                log.close()

    def sync(self) -> None:
        """Make everything so far survive a loss of power."""
        if self._journal is not None:
            self._journal.sync()

    def add_record(self, record: Record) -> None:
        """Remember a finished action; an older record of the same fingerprint is replaced."""
        self._write(record.encode())

    def forget(self, fingerprint: str) -> None:
        """Drop a record whose outputs turned out to be lost."""
        self._write(["forget", fingerprint])

    def add_walk(self, action: str, walk: Walk) -> None:
        """Remember what an action was made from, unless that is known already."""
        entry = encode_walk(walk)
        if self.walks.get(self._walk_key(action)) != entry:
            self._write(["walk", self._walk_key(action), entry])

    def _walk_key(self, action: str) -> str:
        return f"{action}\n{self.variant}" if self.variant else action

    def last_walk(self, action: str) -> LastWalk | None:
        """What the action was made from the last time."""
        entry: Any = self.walks.get(self._walk_key(action))
        if entry is None:
            return None
        fingerprint, version, parts, bags = entry
        return LastWalk(
            fingerprint,
            version,
            {tuple(path): (kind, value) for path, kind, value in parts},
            {whole: tuple(members) for whole, members in bags.items()},
        )

    def known_actions(self) -> list[str]:
        """Every action of this variant that was ever made, in the graph still or not."""
        end = f"\n{self.variant}" if self.variant else ""
        keys = (key for key in self.walks if key.partition("\n")[1:] == end.partition("\n")[1:])
        return [key.partition("\n")[0] for key in keys]

    def add_stat(self, path: str, stat: list[Any]) -> None:
        """Remember the digest of a file by its stat."""
        if self.stats.get(path) != stat:
            self._write(["stat", path, stat])

    def set_delivered(self, path: str, entry: dict[str, Any] | None) -> None:
        """Remember (or with None forget) what we put at `path` of the build folder."""
        if self.delivered.get(path) != entry:
            self._write(["delivered", path, entry])

    def add_build(self, build: dict[str, Any]) -> None:
        """Append to the history, or replace the entry with the same `n`, which counts from 1."""
        self._write(["build", build])

    def retain(self, fingerprints: Collection[str]) -> None:
        """Forget all other records, and write the journal anew: whole or not at all."""
        self.records = {key: record for key, record in self.records.items() if key in fingerprints}
        self.free = {record.free: key for key, record in self.records.items()}
        self.recent = {key: None for key in self.recent if key in fingerprints}
        if self._journal is not None:
            self._journal.close()
            self._journal = None
            journal.rewrite(self.path, self._entries())
            self._journal = Journal(self.path, self.path.stat().st_size)

    def _write(self, entry: Json) -> None:
        if self._journal is not None:
            self._journal.append([entry])
        self._apply(entry)

    def _apply(self, entry: Any) -> None:
        kind = entry[0]
        if kind == "record":
            record = Record(*entry[1:])
            self.records[record.fingerprint] = record
            self.free[record.free] = record.fingerprint
            self.recent[record.fingerprint] = None
        elif kind == "forget":
            gone = self.records.pop(entry[1], None)
            if gone is not None and self.free.get(gone.free) == gone.fingerprint:
                del self.free[gone.free]
        elif kind == "walk":
            self.walks[entry[1]] = entry[2]
        elif kind == "stat":
            self.stats[entry[1]] = entry[2]
        elif kind == "delivered":
            if entry[2] is None:
                self.delivered.pop(entry[1], None)
            else:
                self.delivered[entry[1]] = entry[2]
        elif kind == "build":
            self._apply_build(entry[1])

    def _apply_build(self, build: dict[str, Any]) -> None:
        number = build["n"]
        if 0 < number <= len(self.builds):
            self.builds[number - 1] = build
        else:
            self.builds.append(build)
            self.recent = {}

    def _entries(self) -> Iterator[Json]:
        for key, record in self.records.items():
            if key not in self.recent:
                yield record.encode()
        for action, walk in self.walks.items():
            yield ["walk", action, walk]
        for path, stat in self.stats.items():
            yield ["stat", path, stat]
        for path, entry in self.delivered.items():
            yield ["delivered", path, entry]
        for build in self.builds:
            yield ["build", build]
        for key in self.recent:
            if key in self.records:
                yield self.records[key].encode()


def encode_walk(walk: Walk) -> Json:
    """A walk as stored: fingerprint, version, parts, members of bags."""
    parts: list[Json] = [part.encode() for part in walk.parts]
    bags: dict[str, Json] = {whole: list(members) for whole, members in walk.bags.items()}
    return [walk.fingerprint, walk.version, parts, bags]
