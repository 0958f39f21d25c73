"""Random build worlds: a graph of trivial actions over source files, an executor in this process, and an oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ltxbuild.engine.action import Action, Bag, Guard, Input, Ref, Source
from ltxbuild.engine.build import Outcome, build, predict
from ltxbuild.engine.digest import of_bytes
from ltxbuild.engine.graph import Deliverable, Graph
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.predict import Prediction
from ltxbuild.engine.task import OnProgress, Result, Task
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import Json, dump_json


@dataclass(frozen=True)
class Node:
    """An action of the world: it joins its inputs with its parameter. `keep` makes it blind to all but so many bytes."""

    name: str
    sources: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    bag: tuple[str, ...] = ()
    guard: str = ""
    param: int = 0
    version: int = 1
    keep: int = 1000
    fails: bool = False


@dataclass(frozen=True)
class World:
    """Nodes by name in an order in which each follows its inputs, and the content of source files."""

    nodes: Mapping[str, Node]
    sources: Mapping[str, str]

    def change(self, name: str, **fields: Any) -> World:
        """The world with one node changed."""
        return replace(self, nodes={**self.nodes, name: replace(self.nodes[name], **fields)})

    def edit(self, path: str, text: str) -> World:
        """The world with one source changed."""
        return replace(self, sources={**self.sources, path: text})


def make_graph(world: World) -> Graph:
    """All nodes; each node's output is delivered under its name."""
    graph = Graph()
    for node in world.nodes.values():
        inputs: dict[str, Input] = {f"s{i}": Source(path) for i, path in enumerate(node.sources)}
        inputs |= {f"i{i}": Ref(name, "out") for i, name in enumerate(node.inputs)}
        if node.bag:
            inputs["bag"] = Bag(tuple({"member": Ref(name, "out")} for name in node.bag))
        guards = (Guard("guard", Ref(node.guard, "ok")),) if node.guard else ()
        params: dict[str, Json] = {"param": node.param, "keep": node.keep, "fails": node.fails}
        graph.add(Action(node.name, "join", node.version, ("out", "ok"), params, inputs, guards))
        graph.deliverables.append(Deliverable(node.name, Ref(node.name, "out")))
    graph.check()
    return graph


def outcome_of(node: Node, texts: list[str], members: list[str]) -> str:
    """What an action makes: a function of its inputs; a bag's members count without order."""
    text = f"{node.param}.{node.version}:" + "|".join(texts) + "/" + "|".join(sorted(members))
    return of_bytes(text[: node.keep].encode())[:8] if node.keep else "constant"


def holds(text: str) -> bool:
    """Whether an output opens a guard."""
    return int(of_bytes(text.encode())[:2], 16) % 3 != 0


def oracle(world: World, guards: bool = True) -> dict[str, str | None]:
    """From nothing, without any engine: the output of each node, None where it cannot be made.

    Without `guards` they are taken as open: a result that was made while its guard was open is restored without asking.
    """
    made: dict[str, str | None] = {}
    for node in world.nodes.values():
        used = [made[name] for name in (*node.inputs, *node.bag)]
        shut = guards and node.guard and (made[node.guard] is None or not holds(made[node.guard] or ""))
        if node.fails or shut or None in used:
            made[node.name] = None
            continue
        texts = [world.sources[p] for p in node.sources] + [made[n] or "" for n in node.inputs]
        made[node.name] = outcome_of(node, texts, [made[n] or "" for n in node.bag])
    return made


class InProcess:
    """Runs the trivial stage here. `fuel` actions succeed, then the process 'dies'."""

    def __init__(self, world: World, fuel: int = 10_000) -> None:
        self.slots = {"light": 2, "media": 2, "model": 1}
        self.ran: list[str] = []
        self._world, self._fuel = world, fuel

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """Read the inputs and write the outputs."""
        if self._fuel == 0:
            raise Crash
        self._fuel -= 1
        self.ran.append(task.action)
        node = self._world.nodes[task.action]
        if node.fails:
            return Result("failed", "told to")
        group: Any = task.inputs
        texts = [self._read(group["group"][k]) for k in sorted(group["group"], key=_order) if k != "bag"]
        members = [
            self._read(m["group"]["member"] if "group" in m else m["member"])
            for m in group["group"].get("bag", [])
        ]
        text = outcome_of(node, texts, members)
        (task.out / "out").write_text(text)
        (task.out / "ok").write_bytes(dump_json({"ok": holds(text), "why": "by chance"}))
        return Result("done")

    def _read(self, entry: Any) -> str:
        return Path(entry["file"]).read_text()

    def interrupt(self) -> None:
        """Nothing runs long enough."""

    def kill(self) -> None:
        """Nothing runs long enough."""

    async def close(self) -> None:
        """Nothing to end."""


def _order(name: str) -> tuple[int, int]:
    return (name[0] == "i", int(name[1:]) if name[1:].isdigit() else 0)


class Crash(Exception):
    """Stands for a killed process."""


class NoExternals:
    """Nothing outside."""

    def known(self, key: str) -> str | None:
        """Never asked."""
        return None

    def resolve(self, key: str) -> str:
        """Never asked."""
        raise AssertionError(key)


@dataclass
class Silent:
    """A Reporter that keeps what matters to tests."""

    states: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def started(self, run: int, maybe: int, fresh: int) -> None:
        """Ignored."""

    def action_started(self, action: str) -> None:
        """Ignored."""

    def progress(
        self, action: str, done: float, total: float, unit: str, figures: Mapping[str, float]
    ) -> None:
        """Ignored."""

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

    def close(self) -> None:
        """Nothing to do."""


@dataclass
class Built:
    """One build of a world with its prediction."""

    prediction: Prediction
    outcome: Outcome
    ran: list[str]
    reporter: Silent


def write_sources(root: Path, world: World) -> None:
    """Put the sources on the disk; files with the same text are left alone."""
    for path, text in world.sources.items():
        file = root / path
        if not file.exists() or file.read_text() != text:
            file.write_text(text)


def build_world(root: Path, world: World, options: BuildOptions | None = None, fuel: int = 10_000) -> Built:
    """Predict and build everything, as one call of the command would."""
    write_sources(root, world)
    options = options or BuildOptions(keep_going=True)
    graph = make_graph(world)
    space = Workspace(root, write=True)
    try:
        targets = tuple(world.nodes)
        prediction = predict(graph, space, NoExternals(), targets, options)
        executor, reporter = InProcess(world, fuel), Silent()
        outcome = build(graph, space, NoExternals(), targets, executor, reporter, options)
        return Built(prediction, outcome, executor.ran, reporter)
    finally:
        space.close()


def outputs(root: Path, world: World, built: Built) -> dict[str, str | None]:
    """What the store holds for each node after a build."""
    space = Workspace(root, write=False)
    found: dict[str, str | None] = {}
    for name in world.nodes:
        record = built.outcome.records.get(name)
        found[name] = None if record is None else space.store.path(record.outputs["out"]).read_text()
    return found
