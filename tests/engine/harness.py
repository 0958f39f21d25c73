"""Builds worlds in this process: an executor of trivial stages, a reporter that remembers, one call of the command."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltxbuild.engine import files, state
from ltxbuild.engine.build import Outcome, build, predict
from ltxbuild.engine.deliver import Delivery
from ltxbuild.engine.digest import of_bytes
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.task import OnProgress, Result, Task
from ltxbuild.engine.workspace import Workspace
from tests.engine.world import World, make_graph, stage

# In memory, so that syncing to a disk that others use does not decide how long the tests take.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
ENDLESS = 1_000_000


class Crash(Exception):
    """Stands for a killed process."""


class InProcess:
    """Runs the trivial stage here. `during` is called while an action runs, as the world outside may act then."""

    def __init__(self, during: Callable[[Task], None] | None = None, slots: int = 2) -> None:
        self.slots = {"light": slots, "media": slots, "model": 1}
        self.ran: list[str] = []
        self._during = during

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """Read the inputs and write the outputs."""
        group: Any = task.inputs
        wanted = wanted_input(group["group"], task.params)
        if wanted is not None:
            return Result("wants", wanted)
        self.ran.append(task.action)
        for _ in range(len(self.ran) % 3):  # others get their turn in many orders
            await asyncio.sleep(0)
        if task.params["fails"]:
            return Result("failed", "told to")
        try:
            texts, members = read_inputs(group["group"], task.params)
            if self._during is not None:
                self._during(task)
            for name, data in stage(task.params, int(str(task.context["version"])), texts, members).items():
                (task.out / name).write_bytes(data)
        except OSError as error:
            return Result("failed", f"{error}", bug=True)
        return Result("done")

    def interrupt(self) -> None:
        """Nothing runs long enough."""

    def kill(self) -> None:
        """Nothing runs long enough."""

    async def close(self) -> None:
        """Nothing to end."""


def _numbered(group: Mapping[str, Any], kinds: str) -> list[str]:
    names = [name for name in group if name[0] in kinds and name[1:].isdigit()]
    return sorted(names, key=lambda name: (kinds.index(name[0]), int(name[1:])))


def wanted_input(group: Mapping[str, Any], params: Mapping[str, Any]) -> str | None:
    """The digest of a lazy input that the stage needs and that is not there."""
    for name in _numbered(group, "l") if params["param"] % 2 else ():
        if not Path(group[name]["file"]).exists():
            return str(group[name]["digest"])
    return None


def read_inputs(group: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The texts of the files that the worker was handed, and those of the bag."""
    names = _numbered(group, "sil" if params["param"] % 2 else "si")
    texts = [Path(group[name]["file"]).read_text() for name in names if "file" in group[name]]
    bag = [Path(entry["group"]["member"]["file"]).read_text() for entry in group.get("bag", [])]
    return texts, bag


@dataclass
class Outside:
    """Things outside the project; `hidden` ones are not known before they are asked for."""

    text: str = "o"
    hidden: bool = False

    def known(self, key: str) -> str | None:
        """Without reading it."""
        return None if self.hidden else self.resolve(key)

    def resolve(self, key: str) -> str:
        """However long it takes."""
        return of_bytes(f"{key}{self.text}".encode())


@dataclass
class Silent(Reporter):
    """A reporter that keeps what matters to tests."""

    states: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def finished(self, action: str, state: str, seconds: float) -> None:
        """Kept."""
        self.states[action] = state

    def failed(self, action: str, message: str, tail: tuple[str, ...], bug: bool) -> None:
        """Kept."""
        self.states[action] = "failed"

    def blocked(self, action: str, why: str) -> None:
        """Kept."""
        self.states[action] = "blocked"

    def note(self, text: str) -> None:
        """Kept."""
        self.notes.append(text)


@dataclass
class Call:
    """How the command is called, and what happens meanwhile."""

    targets: tuple[str, ...] = ()
    options: BuildOptions = field(default_factory=lambda: BuildOptions(keep_going=True))
    during: Callable[[Task], None] | None = None
    hidden: bool = False
    slots: int = 2


@dataclass
class Built:
    """One build of a world with its prediction."""

    prediction: Prediction
    outcome: Outcome
    ran: list[str]
    reporter: Silent
    said: list[str]


def write_sources(root: Path, world: World) -> None:
    """Bring the sources on the disk in line with the world, as an editor saves: a new file over the old one."""
    for path, text in world.sources.items():
        file = root / path
        if text is None:
            file.unlink(missing_ok=True)
        elif not file.exists() or file.read_text() != text:
            draft = root / f"{path}~{os.getpid()}"  # several processes may save at once
            draft.write_text(text)
            draft.replace(file)


def build_world(root: Path, world: World, call: Call | None = None) -> Built:
    """Predict, build and deliver, as one call of the command would."""
    call = call or Call()
    write_sources(root, world)
    graph, outside = make_graph(world), Outside(world.outside, call.hidden)
    space = Workspace(root, write=True)
    said: list[str] = []
    try:
        targets = call.targets or tuple(world.nodes)
        prediction = predict(graph, space, outside, targets, call.options)
        executor, reporter = InProcess(call.during, call.slots), Silent()
        outcome = build(graph, space, outside, targets, executor, reporter, call.options)
        delivery = Delivery.into(space, root / "build", said.append)
        for item in graph.deliverables:
            if item.ref.action in outcome.records:
                delivery.copy(item.path, outcome.records[item.ref.action].outputs[item.ref.output])
        if all(item.ref.action in outcome.records for item in graph.deliverables):
            delivery.finish()
        return Built(prediction, outcome, executor.ran, reporter, said)
    finally:
        space.close()


@contextmanager
def dying_at(operation: int) -> Iterator[list[str]]:
    """Let the process 'die' at its n-th file operation; nothing that comes later reaches the disk either."""
    seen: list[str] = []

    def hook(name: str, path: str) -> None:
        seen.append(f"{name} {path}")
        if len(seen) > operation:
            raise Crash(seen[operation])

    files.hook = hook
    try:
        yield seen
    finally:
        files.hook = None


@contextmanager
def clock_ahead(seconds: float) -> Iterator[None]:
    """Let the filesystem's clock run ahead (then every stat is trusted at once) or behind (then none ever is)."""
    true = files.clock

    def clock(folder: Path) -> int:
        true(folder)
        return time.time_ns() + int(seconds * 1e9)

    files.clock = clock
    try:
        yield
    finally:
        files.clock = true


@contextmanager
def compacting(often: bool) -> Iterator[None]:
    """Let the journal be written anew at the end of every build, as otherwise only large ones are."""
    true = state.COMPACT_LINES, state.COMPACT_FACTOR
    if often:
        state.COMPACT_LINES = state.COMPACT_FACTOR = 0
    try:
        yield
    finally:
        state.COMPACT_LINES, state.COMPACT_FACTOR = true


def from_nothing(root: Path, world: World) -> dict[str, bytes]:
    """What a build without any past delivers."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    build_world(root, world)
    return delivered(root)


def delivered(root: Path) -> dict[str, bytes]:
    """The files of the build folder."""
    folder = root / "build"
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
