"""What an executor is given and what it answers; both are plain values. Knows no executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ltxbuild.job import Json

OnProgress = Callable[[float, float, str, Mapping[str, float]], None]


@dataclass(frozen=True)
class Task:
    """One run of a stage. `inputs` is JSON: a file is {"file": path, "digest": hex}, a literal {"value": json}."""

    action: str
    fingerprint: str
    stage: str
    worker: str
    params: Mapping[str, Json]
    context: Mapping[str, Json]
    inputs: Json
    out: Path
    partial: Path
    log: Path
    timeout: float | None


@dataclass(frozen=True)
class Result:
    """`kind`: done, failed, interrupted, or wants: a lazy input, whose digest is the message.

    `bug` marks a failure that the stage did not explain.
    """

    kind: str
    message: str = ""
    bug: bool = False


class Executor(Protocol):
    """Runs tasks; `slots` says how many of each worker kind at once."""

    slots: Mapping[str, int]

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """Execute and answer; never raises for what a task does."""

    def interrupt(self) -> None:
        """Ask running tasks to keep their partial work and end."""

    def kill(self) -> None:
        """End running tasks at once."""

    async def close(self) -> None:
        """Release all workers."""
