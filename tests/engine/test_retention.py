"""Lazy inputs and retention: large states go, a choice that needs one has it made again, and nothing else is redone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltxbuild.engine import manifest
from ltxbuild.engine.action import Action, Input, Ref, Value
from ltxbuild.engine.build import build, predict
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.gc import find_rest, find_roots, remove
from ltxbuild.engine.graph import Deliverable, Graph
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.task import OnProgress, Result, Task
from ltxbuild.engine.workspace import Workspace
from tests.engine.harness import Outside, Silent

OPTIONS = BuildOptions()


def make_graph(count: int, chosen: int) -> Graph:
    """Segments in a chain, each with a weight and a state, and a choice of one of them that copies both."""
    graph = Graph()
    for index in range(count):
        before: Input = Value(None) if index == 0 else {"state": Ref(f"train{index - 1}", "state")}
        outputs, params = ("state", "weight"), {"index": index}
        retention = {"state": 2}
        graph.add(
            Action(f"train{index}", "train", 1, outputs, params, {"before": before}, retention=retention)
        )
    states: dict[str, Input] = {
        f"{i}": {"weight": Ref(f"train{i}", "weight"), "state": Ref(f"train{i}", "state", lazy=True)}
        for i in range(count)
    }
    graph.add(Action("select", "select", 1, ("state", "weight"), {"chosen": chosen}, {"states": states}))
    graph.deliverables.append(Deliverable("lora", Ref("select", "weight")))
    graph.check()
    return graph


class Trainer:
    """Both stages, here."""

    def __init__(self) -> None:
        self.slots = {"light": 1}
        self.ran: list[str] = []

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """As a stage does: what it needs and does not find, it asks for."""
        inputs: Any = task.inputs
        if task.stage == "train":
            before = inputs["group"]["before"]
            text = Path(before["group"]["state"]["file"]).read_text() if "group" in before else ""
            (task.out / "state").write_text(f"{text}{task.params['index']}" * 2)
            (task.out / "weight").write_text(f"weight {task.params['index']}")
        else:
            state = inputs["group"]["states"]["group"][str(task.params["chosen"])]["group"]
            if not Path(state["state"]["file"]).exists():
                return Result("wants", state["state"]["digest"])
            for name in ("state", "weight"):
                (task.out / name).write_bytes(Path(state[name]["file"]).read_bytes())
        self.ran.append(task.action)
        return Result("done")

    def interrupt(self) -> None:
        """Nothing runs long enough."""

    def kill(self) -> None:
        """Nothing runs long enough."""

    async def close(self) -> None:
        """Nothing to end."""


def run(root: Path, graph: Graph, gc: bool = False) -> tuple[Prediction, list[str], bytes]:
    """Predict and build, with `gc` collect afterwards; what ran, and the state that was chosen."""
    space, executor = Workspace(root, write=True), Trainer()
    try:
        prediction = predict(graph, space, Outside(), ("select",), OPTIONS)
        outcome = build(graph, space, Outside(), ("select",), executor, Silent(), OPTIONS)
        chosen = space.store.path(outcome.records["select"].outputs["state"])
        data = chosen.read_bytes() if chosen.exists() else b""
        if gc:
            records = tuple(r.fingerprint for r in outcome.records.values())
            held = manifest.Manifest(records, tuple(manifest.dispensable(graph, outcome.records)))
            manifest.write(space.folder, 1, held)
            space.state.add_build({"n": 1})
            roots = find_roots(space, [1], [])
            rest = find_rest(space, roots)
            remove(space, rest, roots)
            assert len(rest.objects) >= 2 and not rest.records
        return prediction, executor.ran, data
    finally:
        space.close()


def test_longer_training_goes_on_from_the_last_state(tmp_path: Path) -> None:
    run(tmp_path, make_graph(5, 2), gc=True)
    _, ran, _ = run(tmp_path, make_graph(6, 5))
    assert ran == ["train5", "select"], "neither of the states that went is missed"
    _, ran, _ = run(tmp_path, make_graph(6, 2))
    assert ran == ["select"], "the state that was chosen before stayed"


def test_a_choice_of_what_went_has_it_made_again(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", make_graph(5, 1))[2]
    run(tmp_path / "gc", make_graph(5, 3), gc=True)
    prediction, ran, data = run(tmp_path / "gc", make_graph(5, 1))
    assert set(prediction.of("run")) == {"select"}
    assert set(ran) - {"select"} <= set(prediction.of("maybe"))
    assert ran == ["train0", "train1", "select"]
    assert data == whole


def test_a_damaged_lazy_input_is_not_read(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", make_graph(3, 2))[2]
    root = tmp_path / "other"
    run(root, make_graph(3, 0))
    space = Workspace(root, write=False)
    record = next(
        r for r in space.state.records.values() if r.outputs["weight"] != "" and _is(space, r, "weight 2")
    )
    state = space.store.path(record.outputs["state"])
    state.chmod(0o644)
    state.write_text("damaged")
    _, ran, data = run(root, make_graph(3, 2))
    assert ran == ["train2", "select"] and data == whole


def _is(space: Workspace, record: Any, weight: str) -> bool:
    return space.store.path(record.outputs["weight"]).read_text() == weight
