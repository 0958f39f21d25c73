"""An executor that serves many builds: it knows what runs, and does not run again what failed. Runs nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from ltxbuild.engine.events import Reporter
from ltxbuild.engine.task import Executor, OnProgress, Result, Task
from ltxbuild.engine.watch.heavy import HEAVY


class Attended:
    """Wraps an executor. `running` holds the fingerprints of heavy tasks; `on_start` is called when one begins."""

    def __init__(self, inner: Executor) -> None:
        self.slots: Mapping[str, int] = inner.slots
        self.running: set[str] = set()
        self.on_start: Callable[[], None] = lambda: None
        self._inner = inner
        self._failures: dict[str, Result] = {}
        self._repeated: set[str] = set()

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """Execute, unless the same inputs and parameters failed before: then answer as then."""
        before = self._failures.get(task.fingerprint)
        if before is not None:
            self._repeated.add(task.action)
            return before
        self._repeated.discard(task.action)
        if task.worker == HEAVY:
            self.running.add(task.fingerprint)
            self.on_start()
        try:
            result = await self._inner.run(task, on_progress)
        finally:
            self.running.discard(task.fingerprint)
        if result.kind == "failed":
            self._failures[task.fingerprint] = result
        return result

    def interrupt(self) -> None:
        """Ask running tasks to keep their partial work and end."""
        self._inner.interrupt()

    def kill(self) -> None:
        """End running tasks at once."""
        self._inner.kill()

    async def close(self) -> None:
        """Release all workers."""
        await self._inner.close()

    def forgive(self) -> None:
        """Let what failed run again."""
        self._failures.clear()

    def once(self, reporter: Reporter) -> Reporter:
        """A reporter that does not tell again what failed before."""
        return cast(Reporter, _Once(reporter, self._repeated))


class _Once:
    """Passes everything on but repeated failures."""

    def __init__(self, inner: Reporter, repeated: set[str]) -> None:
        self._inner, self._repeated = inner, repeated

    def failed(self, action: str, message: str, tail: tuple[str, ...], bug: bool) -> None:
        """Only news."""
        if action not in self._repeated:
            self._inner.failed(action, message, tail, bug)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
