"""What past builds left: records, the last walk of each action, file stats, deliverables, history. Runs nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from ltxbuild.engine import journal
from ltxbuild.engine.fingerprint import Walk
from ltxbuild.engine.journal import Journal
from ltxbuild.engine.traces import LastWalk, Traces
from ltxbuild.job import Json

# A journal is rewritten at the end of a build once it has so many lines, and four times those that its content needs.
COMPACT_LINES = 500
COMPACT_FACTOR = 4


class Record(NamedTuple):
    """A finished action: what it made. Only successes are recorded."""

    fingerprint: str
    free: str
    stage: str
    version: int
    outputs: Mapping[str, str]
    seconds: float
    made_with: str

    def encode(self) -> Json:
        """As an entry of the journal."""
        return ["record", *self]


@dataclass
class State:
    """Everything in memory; with a journal every change is also written down.

    Records are shared by all variants of a build; the last walk of an action, which explains, is its variant's own.
    """

    path: Path
    traces: Traces
    variant: str = ""
    records: dict[str, Record] = field(default_factory=dict)
    # By action (and variant) the fingerprint of its last walk.
    walks: dict[str, str] = field(default_factory=dict)
    stats: dict[str, list[Any]] = field(default_factory=dict)
    delivered: dict[str, dict[str, Any]] = field(default_factory=dict)
    builds: list[dict[str, Any]] = field(default_factory=list)
    # Records since the last build that ended: what a killed one had made by then is in no build's manifest.
    recent: dict[str, None] = field(default_factory=dict)
    _free: dict[str, str] | None = None
    _journal: Journal | None = None
    _lines: int = 0

    @classmethod
    def load(cls, path: Path, write: bool, variant: str = "") -> State:
        """Read the journal at `path`; with `write` it is opened, and cut to its good part or mended."""
        state = cls(path, Traces(path.with_name("traces"), write), variant)
        content = journal.read(path, state._apply)
        state._lines = content.lines
        if write and content.damaged:
            state._rewrite()
        elif write:
            state._journal = Journal(path, content.good)
        return state

    def close(self) -> None:
        """Make the file compact if that pays, sync and release it."""
        if self._journal is None:
            return
        try:
            count = self._lines + self._journal.lines
            if count > COMPACT_LINES and count > COMPACT_FACTOR * self._size() / journal.BATCH:
                self._rewrite()
            self._journal.sync()
        finally:
            log, self._journal = self._journal, None
            log.close()
            self.traces.close()

    def _size(self) -> int:
        tables = (self.records, self.walks, self.stats, self.delivered)
        return sum(len(table) for table in tables) + len(self.builds)

    def _rewrite(self) -> None:
        """Write both files anew, each whole or not at all."""
        self.traces.retain(self.walks.values())
        if self._journal is not None:
            self._journal.close()
        journal.rewrite(self.path, self._entries())
        self._journal = Journal(self.path, self.path.stat().st_size)

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
        if self.walked(action) != walk.fingerprint:
            self.traces.add(walk)
            self._write(["walk", self._walk_key(action), walk.fingerprint])

    def _walk_key(self, action: str) -> str:
        return f"{action}\n{self.variant}" if self.variant else action

    def walked(self, action: str) -> str | None:
        """The fingerprint of the action when it last ran or was reused."""
        return self.walks.get(self._walk_key(action))

    def last_walk(self, action: str) -> LastWalk | None:
        """What the action was made from the last time."""
        fingerprint = self.walked(action)
        return None if fingerprint is None else self.traces.find(fingerprint)

    def older(self, free: str) -> Record | None:
        """The last record of an action that differs in the version of its stage at most."""
        if self._free is None:
            self._free = {record.free: key for key, record in self.records.items()}
        return self.records.get(self._free.get(free, ""))

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
        self.recent = {key: None for key in self.recent if key in fingerprints}
        self._free = None
        if self._journal is not None:
            self._rewrite()

    def _write(self, entry: Json) -> None:
        if self._journal is not None:
            self._journal.append([entry])
        self._apply(entry)

    def _apply(self, entry: Any) -> None:
        kind = entry[0]
        if kind == "record":
            _, fingerprint, free, stage, version, outputs, seconds, made_with = entry
            # A handful of stages, libraries and outputs, written out for each record: one object for all.
            stage, made_with = intern(stage), intern(made_with)
            outputs = {intern(name): value for name, value in outputs.items()}
            self.records[fingerprint] = Record(fingerprint, free, stage, version, outputs, seconds, made_with)
            self.recent[fingerprint] = None
            if self._free is not None:
                self._free[free] = fingerprint
        elif kind == "forget":
            self.records.pop(entry[1], None)
            self._free = None
        elif kind == "walk":
            record = self.records.get(entry[2])
            self.walks[entry[1]] = entry[2] if record is None else record.fingerprint  # the same string, once
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
