"""A job for running one stage without the engine: temporary folders, recorded notes and progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from ltxbuild.job import File, Json, read_json, write_json


@dataclass
class FakeJob:
    """Implements ltxbuild.job.Job below `root`; `stop_after` polls of interrupted() it asks the stage to
    stop.
    """

    root: Path
    params: Mapping[str, Json] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Json] = field(default_factory=dict)
    stop_after: int | None = None
    notes: list[str] = field(default_factory=list)
    steps: list[tuple[float, float, str]] = field(default_factory=list)
    polls: int = 0

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def partial(self) -> Path:
        return self.root / "partial"

    def progress(self, done: float, total: float, unit: str, **figures: float) -> None:
        self.steps.append((done, total, unit))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def interrupted(self) -> bool:
        self.polls += 1
        return self.stop_after is not None and self.polls > self.stop_after

    def json(self, name: str) -> Any:
        """An output of the stage, read back."""
        return read_json(self.out / name)


def as_file(path: Path) -> File:
    """An input file with its real digest."""
    return File(path, xxhash.xxh3_128(path.read_bytes()).hexdigest())


def json_file(path: Path, value: Json) -> File:
    """Write a value as JSON and hand it over as an input file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, value)
    return as_file(path)
