"""`stop = "plateau"`: a curve that lies flat ends training, and what was trained counts whatever the setting says."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.engine.build import build, predict
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.task import OnProgress, Result, Task
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import File, Job, JsonDict, dump_json, read_json
from ltxbuild.project.project import load
from ltxbuild.recipe import make_graph
from tests.engine.harness import Outside, Silent
from tests.fake_job import FakeJob
from tests.recipe.prints import folder

REAL = {"halt", "select"}
Curve = Callable[[int], float]


def flat_from(plateau: int) -> Curve:
    """y falls to -0.1 until `plateau` and stays there."""
    return lambda step: -0.1 * min(1.0, step / plateau)


class Trainer:
    """Real halts and choices; a segment only counts its steps, and a loss is the curve's at those."""

    def __init__(self, curve: Curve, graph: Graph) -> None:
        self.slots = {"light": 2, "media": 1, "model": 1}
        self.curve = curve
        self.outputs = {action.stage: action.outputs for action in graph.actions.values()}
        self.ran: list[str] = []

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        inputs = _decoded({"group": task.inputs} if "group" not in task.inputs else task.inputs)
        if task.stage in REAL or (task.stage == "train" and inputs.get("halt")):
            job: Job = FakeJob(task.out.parent / f"{task.out.name}-job", task.params, inputs)
            import_module(f"ltxbuild.stages.{task.stage}").run(job)
            for file in job.out.iterdir():
                file.replace(task.out / file.name)
        else:
            self.pretend(task, inputs)
        self.ran.append(task.action)
        return Result("done")

    def pretend(self, task: Task, inputs: dict[str, Any]) -> None:
        if task.stage == "train":
            before = inputs["previous"]
            done = _steps(before["adapter"].path) if before else 0
            done += int(str(task.params["last"])) - int(str(task.params["first"]))
            for name in ("adapter.safetensors", "optimizer.safetensors"):
                (task.out / name).write_text(f"{done} {task.params['decay']}")
            (task.out / "log.json").write_bytes(dump_json({"steps": [], "per_clip": {}, "skipped": 0}))
        elif task.stage == "loss":
            y = self.curve(_steps(inputs["adapter"].path)) if inputs["adapter"] else 0.0
            items = [
                {"key": key, "window": 0, "quantile": 0.5, "noise": 0, "loss": {"1.0": math.exp(y)}}
                for key in "abc"
            ]
            (task.out / "loss.json").write_bytes(dump_json({"step": None, "items": items}))
        else:
            for name in self.outputs[task.stage]:
                (task.out / name).write_bytes(dump_json({"action": task.action, "ok": True, "why": ""}))

    def interrupt(self) -> None:
        """Nothing runs long enough."""

    def kill(self) -> None:
        """Nothing runs long enough."""

    async def close(self) -> None:
        """Nothing to end."""


def _steps(adapter: Path) -> int:
    return int(adapter.read_text().split()[0])


def _decoded(node: Any) -> Any:
    if isinstance(node, list):
        return [_decoded(member) for member in node]
    if "file" in node:
        return File(Path(node["file"]), node["digest"])
    if "value" in node:
        return node["value"]
    return {name: _decoded(child) for name, child in node["group"].items()}


class Built:
    """A build of the last choice: what ran, and choice.json."""

    def __init__(self, root: Path, curve: Curve, *overrides: str) -> None:
        graph = make_graph(load(root, ["train.steps=1500", *overrides], "quality"))
        space, executor, targets = Workspace(root, write=True), Trainer(curve, graph), ("choose:quality",)
        try:
            self.foreseen = predict(graph, space, Outside(), targets, BuildOptions())
            outcome = build(graph, space, Outside(), targets, executor, Silent(), BuildOptions())
            assert not outcome.tally.failed and not outcome.tally.blocked
            record = outcome.records["choose:quality"]
            self.choice: JsonDict = read_json(space.store.path(record.outputs["choice.json"]))
        finally:
            space.close()
        self.ran = executor.ran

    def trained(self) -> list[str]:
        """The segments of the quality run that were executed, stopped ones too."""
        return [name for name in self.ran if name.startswith(("train:quality", "tail:quality"))]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return folder(tmp_path / "p")


def test_a_plateau_ends_training_and_the_decay_follows(root: Path) -> None:
    built = Built(root, flat_from(600))
    stopped: Any = built.choice["stopped"]
    # Six evaluations after the last gain, and once more: at the seventh, step 1200 would be the stable part's end.
    assert (stopped["at"], stopped["end"], stopped["verdict"]) == (1100, 1200, "PLATEAU")
    assert "promises less than 3 %" in stopped["why"]
    assert "loss:quality:1200" not in built.ran, "a checkpoint that repeats another is not measured again"
    assert built.choice["step"] == 900, "the earliest from 60 % of the steps"
    curve: Any = built.choice["curve"]
    assert [step for step, _ in curve] == [*range(100, 1101, 100), 1200, 1300, 1400]


def test_a_rising_curve_ends_it_too_and_a_falling_one_does_not(root: Path) -> None:
    rising = Built(root, lambda step: -0.1 + abs(step - 500) / 4000)
    assert rising.choice["stopped"]["verdict"] == "OVERFIT"  # type: ignore[index]
    assert rising.choice["stopped"]["at"] == 900  # type: ignore[index]
    assert rising.choice["step"] == 400, "medians of three neighbours cut the very peak off"


def test_a_falling_curve_runs_to_its_end(root: Path) -> None:
    built = Built(root, lambda step: -step / 10_000)
    assert "stopped" not in built.choice and built.choice["step"] == 1500


def test_a_divergence_ends_it_at_once(root: Path) -> None:
    built = Built(root, lambda step: 0.05)
    assert built.choice["stopped"]["at"] == 300  # type: ignore[index]
    assert "above the base's" in built.choice["stopped"]["why"]  # type: ignore[index]
    measured = [name for name in built.ran if name.startswith("loss:quality:")]
    assert len(measured) == 4 + 3, "four of the stable part with the base's, three of the decay"


def test_the_setting_retrains_only_what_was_left_out(root: Path) -> None:
    early = Built(root, flat_from(600))
    again = Built(root, flat_from(600))
    assert again.ran == []
    never = Built(root, flat_from(600), 'train.stop="never"')
    # The choice among the stable part's is the same, and so is its decay.
    assert never.trained() == ["train:quality:1200"]
    assert "stopped" not in never.choice
    back = Built(root, flat_from(600))
    assert back.ran == [] and back.choice == early.choice


def test_without_a_stop_the_setting_costs_nothing(root: Path) -> None:
    falling: Curve = lambda step: -step / 10_000  # noqa: E731
    Built(root, falling, 'train.stop="never"')
    with_halts = Built(root, falling)
    assert {name.partition(":")[0] for name in with_halts.ran} == {"halt"}
    assert Built(root, falling, 'train.stop="never"').ran == []


def test_more_steps_go_on_from_where_a_plateau_ended_it(root: Path) -> None:
    Built(root, flat_from(600))
    longer = Built(root, flat_from(600), "train.steps=2500")
    assert longer.trained()[0] == "train:quality:1200"
    assert longer.choice["stopped"]["at"] == 1500, "from 60 % of the 2500"  # type: ignore[index]
