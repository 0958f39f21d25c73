"""Work beside the graph, in the same killable workers with the same limits: one job after the other. Stores nothing."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ltxbuild.engine import files
from ltxbuild.engine.task import Task
from ltxbuild.engine.workspace import FOLDER, TAIL_LINES
from ltxbuild.executors.local import LocalExecutor
from ltxbuild.job import Json
from ltxbuild.recipe.clips import DECODE_BASE, DECODE_FACTOR, PROBE_SECONDS

PREFIX = "aside-"
# A file is decoded whole and several clips of it encoded in one job: the limit is against decoders that spin.
PATIENCE = 3.0
DISK_RATE = 20e6  # bytes in a second that any disk can read

OnDone = Callable[[int, int], None]


class AsideError(Exception):
    """A job failed; the message is for the user."""


class Aside:
    """Workers and a folder of their own in .ltxbuild, both gone at the end; use it in a `with` block."""

    def __init__(self, root: Path) -> None:
        self._home = root / FOLDER
        self._loop = asyncio.new_event_loop()
        self._executor = LocalExecutor(1)
        self._numbers = itertools.count()

    def __enter__(self) -> Aside:
        files.make_folder(self._home)
        _sweep(self._home)
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._home))
        self._lock = files.open_lock(self._folder / "lock")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._end())
        self._loop.close()
        os.close(self._lock)
        files.remove_tree(self._folder)

    async def _end(self) -> None:
        """After Ctrl-C a job is still waited for: it is given up, which kills its worker."""
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._executor.close()

    def probe(self, clip: Path) -> tuple[Path, dict[str, Any]]:
        """What the container says of a clip: the file for later jobs, and its content. Raises AsideError."""
        # Of footage that is much longer than a clip, reading alone takes longer.
        limit = PROBE_SECONDS + clip.stat().st_size / DISK_RATE
        found = self.run("probe", {"clip": clip}, {}, timeout=limit) / "probe.json"
        facts: dict[str, Any] = json.loads(found.read_bytes())
        if facts["error"]:
            raise AsideError(str(facts["error"]["message"]))
        return found, facts

    def decode(
        self,
        stage: str,
        clip: Path,
        probe: tuple[Path, dict[str, Any]],
        params: Mapping[str, Json],
        out: Path | None = None,
        on_done: OnDone | None = None,
    ) -> Path:
        """Run a stage that decodes a clip, within the limits that every decoder has."""
        limit = PATIENCE * (DECODE_BASE + DECODE_FACTOR * float(probe[1]["duration"]))
        inputs = {"clip": clip, "probe": probe[0]}
        return self.run(stage, inputs, params, timeout=limit, out=out, on_done=on_done)

    def scratch(self) -> Path:
        """An empty folder for the outputs of a job, for who wants to see them before it has ended."""
        place = self._folder / str(next(self._numbers)) / "out"
        files.make_folder(place)
        return place

    def run(
        self,
        stage: str,
        inputs: Mapping[str, Path],
        params: Mapping[str, Json],
        *,
        worker: str = "media",
        context: Mapping[str, Json] | None = None,
        timeout: float | None = None,
        out: Path | None = None,
        on_done: OnDone | None = None,
    ) -> Path:
        """Run one job and return the folder of its outputs. Raises AsideError, and KeyboardInterrupt at once."""
        out = self.scratch() if out is None else out
        place = out.parent
        task = Task(
            stage, "", stage, worker, params, context or {},
            {"group": {name: {"file": str(path.resolve()), "digest": ""} for name, path in inputs.items()}},
            out, place / "partial", place / "log", timeout,
        )  # fmt: skip

        def progress(done: float, total: float, unit: str, figures: Mapping[str, float]) -> None:
            if on_done is not None:
                on_done(int(done), int(total))

        result = self._loop.run_until_complete(self._executor.run(task, progress))
        if result.kind != "done":
            # What a stage did not explain is explained by what it printed, if at all.
            raise AsideError("\n".join([result.message, *(_tail(task.log) if result.bug else ())]))
        return out


def _tail(log: Path) -> list[str]:
    try:
        return log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:]
    except OSError:  # a message must not fail for want of a detail
        return []


def _sweep(home: Path) -> None:
    """Remove the folders of calls that were killed: nobody holds their lock any more."""
    for folder in home.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError, BlockingIOError):
            handle = os.open(folder / "lock", os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                files.remove_tree(folder)
            finally:
                os.close(handle)
