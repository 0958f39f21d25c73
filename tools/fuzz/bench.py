"""Makes mutations by number and judges them, in as many processes as are wanted. Knows no state and no table."""

from __future__ import annotations

import asyncio
import multiprocessing
import queue
import shutil
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

from tools.fuzz import seeds
from tools.fuzz.media import Clips
from tools.fuzz.mutate import MEDIA, TEXT, mutate
from tools.fuzz.outcome import Outcome
from tools.fuzz.text import Projects

VERBS = ("status", "config")
LINT_EVERY = 20
"""One in so many TOML mutations goes through `lint`, which reads the clips too and so takes a second."""


class Bench:
    """Makes mutations by number and judges them, in a folder of its own."""

    def __init__(self, folder: Path, clips: dict[str, bytes]) -> None:
        self.folder, self.clips = folder, clips
        self.names = sorted(clips)
        self.films = Clips(folder / "stages")
        self.projects = Projects(folder / "project", clips)
        self.loop = asyncio.new_event_loop()

    def make(self, number: int) -> tuple[str, bytes, list[str]]:
        """The seed's name, the mutated bytes and how they came about."""
        dice = Random(number)
        if number % 10 < 7:
            name = self.names[(number // 10 * 7 + number % 10) % len(self.names)]
            return (name, *mutate(self.clips[name], MEDIA, dice))
        name = ("lora.toml", "captions.toml")[(number // 10 + number) % 2]
        return (name, *mutate(seeds.texts()[name], TEXT, dice))

    def judge(self, number: int) -> dict[str, Any]:
        """One line of the state file."""
        name, data, how = self.make(number)
        outcome = self._toml(number, name, data) if name.endswith(".toml") else self._clip(name, data)
        return {"n": number, "seed": name, "how": how, **vars(outcome)}

    def _toml(self, number: int, name: str, data: bytes) -> Outcome:
        verb = "lint" if number // 10 % LINT_EVERY == 0 else VERBS[number // 10 % 2]
        return self.projects.judge(name, data, verb)

    def _clip(self, name: str, data: bytes) -> Outcome:
        path = self.folder / name
        path.write_bytes(data)
        try:
            return self.loop.run_until_complete(self.films.judge(path))
        finally:
            shutil.rmtree(self.films.folder)
            self.films.folder.mkdir()

    def close(self) -> None:
        """End the worker process."""
        self.loop.run_until_complete(self.films.close())
        self.loop.close()


def _serve(folder: Path, clips: dict[str, bytes], numbers: Any, found: Any) -> None:
    bench = Bench(folder, clips)
    for number in iter(numbers.get, None):
        found.put(bench.judge(number))
    bench.close()


def run(work: Path, numbers: list[int], jobs: int) -> Iterable[dict[str, Any]]:
    """Judge `numbers` in `jobs` processes; results come as they are ready."""
    clips = read_seeds(work)
    context = multiprocessing.get_context("spawn")
    todo, found = context.Queue(), context.Queue()
    for number in numbers + [None] * jobs:
        todo.put(number)
    lanes = [
        context.Process(target=_serve, args=(work / f"lane{i}", clips, todo, found)) for i in range(jobs)
    ]
    for lane in lanes:
        lane.start()
    for _ in numbers:
        yield _next(found, lanes)
    for lane in lanes:
        lane.join()


def _next(found: Any, lanes: list[Any]) -> dict[str, Any]:
    """The next result. Raises RuntimeError when a lane has died: it would be waited for for ever."""
    while True:
        try:
            line: dict[str, Any] = found.get(timeout=5)
        except queue.Empty:
            if any(lane.exitcode for lane in lanes):
                raise RuntimeError("a lane of the fuzzer has died") from None
        else:
            return line


def read_seeds(work: Path) -> dict[str, bytes]:
    """The clips that are mutated, made once for a folder: another encoder would give other bytes."""
    folder = work / "seeds"
    if not folder.exists():
        folder.mkdir(parents=True)
        seeds.media(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
