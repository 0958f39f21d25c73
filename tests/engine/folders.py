"""Real project folders with fake stages: the real files, the real recipe, outputs that are a function of what they read."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltxbuild.engine.action import Bag, External, Input, Ref, Source, Value
from ltxbuild.engine.build import Outcome, build, predict
from ltxbuild.engine.deliver import Delivery
from ltxbuild.engine.digest import of_bytes, of_file, of_json
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.task import OnProgress, Result, Task
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import dump_json
from ltxbuild.project.project import load
from ltxbuild.recipe import make_graph
from ltxbuild.recipe.scope import DEFAULT
from tests.engine.harness import Outside, Silent

# Outputs that often come out equal for other inputs, as a bucket or a finding does: what is below may be saved.
COARSE = {"facts.json", "bucket.json", "findings.json", "readable.json", "ok.json", "gate.json"}
CAPTIONS = (
    "mira_char walks along a rainy street",
    "mira_char laughs at a market stall",
    "a street without anybody",
)
SETTINGS = {
    "train.fast.steps": (12, 16),
    "train.fast.rank": (4, 8),
    "train.fast.seed": (0, 1),
    "train.mode": ("fast", "quality"),
    "evaluate.weights": ([0.85], [0.85, 1.1]),
    "lint.severity": ({}, {"CLP004": "I"}),
    "export.name": ("mira", "other"),
}


def fake(stage: str, version: int, params: Any, inputs: Any, output: str) -> bytes:
    """One output of one stage. Everything is read from JSON that tells what it was made from."""
    made_from = of_json([stage, version, params, inputs, output])
    if output in COARSE:
        made_from = made_from[:1] if int(made_from[0], 16) > 2 else "few"
    return dump_json({"ok": True, "why": "", "duration": 2.0, "from": f"{output} {made_from}"})


@dataclass(frozen=True)
class Clip:
    """One clip of the folder: its bytes and its line in captions.toml."""

    text: str
    caption: str
    extra: tuple[tuple[str, Any], ...] = ()


@dataclass
class Folder:
    """A project folder and what stands in it."""

    root: Path
    clips: dict[str, Clip]
    settings: dict[str, Any] = field(default_factory=dict)
    style: int = 0

    def write(self) -> None:
        """Bring the files in line; what is the same is left alone."""
        folder = self.root / "clips"
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if path.stem not in self.clips:
                path.unlink()
        for name, clip in self.clips.items():
            _save(folder / f"{name}.mp4", clip.text)
        _save(self.root / "captions.toml", self._captions())
        _save(self.root / "lora.toml", self._lora())

    def _captions(self) -> str:
        lines = [f"{json.dumps(name)} = {_entry(clip)}" for name, clip in self.clips.items()]
        if self.style == 1:
            lines = ["# another order and comments", *reversed(lines)]
        return ("\r\n" if self.style == 2 else "\n").join([*lines, ""])

    def _lora(self) -> str:
        head = 'name = "mira"\ntrigger = "mira_char"\nclass = "woman"\ntype = "character"\nbase = "tiny"\n'
        basis: dict[str, Any] = {
            "train.fast.interval": 4,
            "train.fast.steps": 12,
            "train.quality.interval": 4,
            "train.quality.steps": 8,
            "evaluate.prompts": ["{subject} stands", "{subject} sits"],
        }
        lines = [f"{key} = {_toml(value)}" for key, value in (basis | self.settings).items()]
        return head + "\n".join([*lines, "# a comment" * self.style, ""])


def _entry(clip: Clip) -> str:
    if not clip.extra:
        return json.dumps(clip.caption)
    words = [f"{key} = {_toml(value)}" for key, value in (("caption", clip.caption), *clip.extra)]
    return "{ " + ", ".join(words) + " }"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {json.dumps(v)}" for key, v in value.items()) + " }"
    return json.dumps(value)


def _save(path: Path, text: str) -> None:
    data = text.encode()
    if not path.exists() or path.read_bytes() != data:
        draft = path.with_name(f".draft-{path.name}")
        draft.write_bytes(data)
        draft.replace(path)


class Fakes:
    """Runs fake stages in this process."""

    slots: Mapping[str, int] = {"light": 2, "media": 2, "model": 1}

    def __init__(self, graph: Graph) -> None:
        self.ran: list[str] = []
        self._graph = graph

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """Hash what the worker was handed, the files' own bytes and not what is said of them, and write every output."""
        self.ran.append(task.action)
        await asyncio.sleep(0)
        action = self._graph.actions[task.action]
        inputs = _handed(task.inputs)
        for output in action.outputs:
            made = fake(task.stage, action.version, dict(task.params), inputs, output)
            (task.out / output).write_bytes(made)
        return Result("done")

    def interrupt(self) -> None:
        """Nothing runs long enough."""

    def kill(self) -> None:
        """Nothing runs long enough."""

    async def close(self) -> None:
        """Nothing to end."""


def _handed(node: Any) -> Any:
    if isinstance(node, list):
        return sorted((_handed(member) for member in node), key=of_json)
    if "group" in node:
        return {name: _handed(child) for name, child in node["group"].items()}
    if "file" in node:
        path = Path(node["file"])
        # A lazy input need not be there; these stages never ask for it.
        return of_file(path) if path.exists() else node["digest"]
    return node["value"]


def from_nothing(graph: Graph, root: Path) -> dict[str, dict[str, bytes]]:
    """The outputs of every action, without any engine."""
    made: dict[str, dict[str, bytes]] = {}
    for name in graph.order:
        action = graph.actions[name]
        inputs = _read(action.inputs, made, root)
        made[name] = {
            output: fake(action.stage, action.version, dict(action.params), inputs, output)
            for output in action.outputs
        }
    return made


def _read(node: Input, made: Mapping[str, Mapping[str, bytes]], root: Path) -> Any:
    if isinstance(node, Ref):
        return of_bytes(made[node.action][node.output])
    if isinstance(node, Source):
        return of_file(root / node.path)
    if isinstance(node, Value):
        return node.value
    if isinstance(node, External):
        return None
    if isinstance(node, Bag):
        return sorted((_read(member, made, root) for member in node.members), key=of_json)
    return {name: _read(child, made, root) for name, child in node.items()}


@dataclass
class Done:
    """One build of a folder."""

    graph: Graph
    prediction: Prediction
    outcome: Outcome
    ran: list[str]
    said: list[str]


def build_folder(root: Path) -> Done:
    """As the command does it, with fake stages."""
    project = load(root)
    graph = make_graph(project)
    space = Workspace(root, write=True)
    said: list[str] = []
    try:
        targets, options, fakes = graph.resolve([DEFAULT]), BuildOptions(keep_going=True), Fakes(graph)
        prediction = predict(graph, space, Outside(), targets, options)
        outcome = build(graph, space, Outside(), targets, fakes, Silent(), options)
        delivery = Delivery.into(space, root / "build", said.append)
        for item in graph.deliverables:
            delivery.copy(item.path, outcome.records[item.ref.action].outputs[item.ref.output])
        delivery.finish()
    finally:
        space.close()
    return Done(graph, prediction, outcome, fakes.ran, said)


def delivered(root: Path) -> dict[str, bytes]:
    """Everything in the build folder by its path."""
    folder = root / "build"
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def lose_all_but_records(root: Path) -> None:
    """The store without its objects, and no deliverables: the most that can be lost while records remain."""
    shutil.rmtree(root / ".ltxbuild" / "objects")
    shutil.rmtree(root / "build")
