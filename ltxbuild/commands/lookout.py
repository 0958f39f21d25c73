"""What one watch keeps from build to build: the event loop, the workers, the eyes on the folder, the terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltxbuild.commands.session import Choice, Session
from ltxbuild.console.keys import LEAVE, Keys
from ltxbuild.console.watching import Voice
from ltxbuild.engine.build import on_signals
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.watch.attended import Attended
from ltxbuild.engine.watch.place import Place
from ltxbuild.engine.watch.settling import Changes
from ltxbuild.engine.watch.watcher import Watcher
from ltxbuild.executors.local import LocalExecutor
from ltxbuild.project.identity import machine_file
from ltxbuild.recipe.scope import DEFAULT

INTERRUPTED = 130


@dataclass(frozen=True)
class Rest:
    """What a watch waits for beside changes. After `seconds` it goes on by itself; `level` is what may run then or on
    Enter. They count from the moment at which nothing is left to do: lint's answer has been seen so long.
    """

    waiting: str
    words: str
    level: str = "light"
    seconds: float | None = None


class Lookout:
    """Use it as a context; `loop` runs only while something is waited for or built."""

    def __init__(
        self, choice: Choice, words: list[str], options: BuildOptions, jobs: int, as_json: bool, poll: bool
    ) -> None:
        self.choice, self.words, self.options, self.as_json = choice, words or [DEFAULT], options, as_json
        self.voice = Voice(as_json)
        self.loop = asyncio.new_event_loop()
        self.place = Place(
            choice.root, ("lora.toml", "captions.toml", str(machine_file())), ("clips", "references")
        )
        self.watcher = Watcher(self.place, poll, self.voice.note, self.loop)
        self._workers = LocalExecutor(jobs)
        self.executor = Attended(self._workers)
        self.keys = Keys(self.loop)
        self.left_out: frozenset[str] = frozenset()
        self.leaving: int | None = None
        self.shown: list[str] = []
        self.linted = False
        self._changes: asyncio.Task[Changes] | None = None
        self._key: asyncio.Task[str] | None = None

    def __enter__(self) -> Lookout:
        return self

    def __exit__(self, *_: object) -> None:
        self.keys.close()
        self.watcher.close()
        self.loop.run_until_complete(self._end())
        self.loop.close()

    async def _end(self) -> None:
        for task in (self._changes, self._key):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self.executor.close()

    def requested(self, session: Session) -> tuple[str, ...]:
        """The ids that the user's words mean in this project. Raises ProjectError."""
        return session.graph.resolve(self.words)

    def changes(self) -> asyncio.Task[Changes]:
        """The wait for the next change; it goes on from one build to the next, so that none is lost."""
        if self._changes is None:
            self._changes = self.loop.create_task(self.watcher.next())
        return self._changes

    def take_changes(self) -> None:
        """Take note of the change that was waited for, and say so."""
        changes, self._changes = self.changes().result(), None
        self.left_out = changes.moving
        self.voice.changed(changes.names, changes.moving)

    async def first(self) -> str:
        """Wait until what is there stands still, and say that the watch begins."""
        with on_signals(lambda: self.leave(INTERRUPTED)):
            changes, self._changes = await self.changes(), None
            await self._workers.warm("light")  # the first save is answered as fast as the others
        self.left_out = changes.moving
        files = sum(name not in self.place.folders for name in changes.names)
        how = "looking four times a second" if self.watcher.polling else "by events"
        self.voice.begins(f"watching {self.choice.root.resolve().name}: {files} files, {how}")
        return "light"

    def note_changes(self) -> str:
        """Take note of a change that came during a build, if one did; returns the level of what may run then."""
        if self.changes().done():
            self.take_changes()
        return "light"

    def pressed(self) -> asyncio.Task[str]:
        """The wait for the next key."""
        if self._key is None:
            self._key = self.loop.create_task(self.keys.next())
        return self._key

    def take_key(self) -> str:
        """The key that was pressed; the wish to leave is remembered."""
        key, self._key = self.pressed().result(), None
        if key == LEAVE:
            self.leave(0)
        return key

    def leave(self, code: int) -> None:
        """End as soon as what runs has kept its work."""
        self.leaving = code if self.leaving is None else self.leaving

    def run(self, work: Any) -> Any:
        """Run a coroutine to its end."""
        return self.loop.run_until_complete(work)

    async def idle(self, rest: Rest) -> str:
        """Wait for changes, a key, or the time at which `rest` goes on; returns the level of what may run then."""
        self.voice.idle(rest.waiting, rest.words)
        stop = asyncio.Event()
        with on_signals(_both(lambda: self.leave(INTERRUPTED), stop.set)):
            stopping = self.loop.create_task(stop.wait())
            waits: set[asyncio.Task[Any]] = {self.changes(), self.pressed(), stopping}
            await asyncio.wait(waits, timeout=rest.seconds, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        if self.changes().done():
            self.take_changes()
            return "light"
        if self.pressed().done():
            self.take_key()
            self.executor.forgive()
        return rest.level

    def holds(self, path: object) -> bool:
        """Whether a path is one of the watched inputs."""
        full = Path(str(path))
        folders = [self.choice.root / name for name in self.place.folders]
        return full in [self.choice.root / name for name in self.place.files] or full.parent in folders


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call
