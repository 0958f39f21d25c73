"""What grows with the number of clips grows no faster than it: counted in calls, which no busy machine disturbs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ltxbuild.engine.action import Action, Bag, Input, Ref, Source
from ltxbuild.engine.build import predict
from ltxbuild.engine.fingerprint import walk
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.state import Record, State
from ltxbuild.engine.workspace import Workspace
from tests.engine.harness import Outside

SEGMENTS = 10


def make_graph(clips: int) -> Graph:
    """As a project's: some actions a clip, then a chain of segments that all read all clips."""
    graph = Graph()
    for index in range(clips):
        graph.add(Action(f"probe:{index}", "probe", 1, ("out",), {}, {"clip": Source(f"clip{index}")}))
        graph.add(
            Action(f"latents:{index}", "latents", 1, ("out",), {}, {"video": Ref(f"probe:{index}", "out")})
        )
    bag = Bag(tuple({"latents": Ref(f"latents:{index}", "out")} for index in range(clips)))
    for segment in range(SEGMENTS):
        inputs: dict[str, Input] = {"clips": bag}
        if segment:
            inputs["previous"] = Ref(f"train:{segment - 1}", "out")
        graph.add(Action(f"train:{segment}", "train", 1, ("out",), {"segment": segment}, inputs))
    graph.check()
    return graph


class Known:
    """Digests of records as they are made, of files by their name."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def ref(self, ref: Ref) -> str:
        """From the record."""
        return self.records[ref.action].outputs[ref.output]

    def source(self, source: Source) -> str:
        """Never the same twice."""
        return f"{source.path:>32}"

    def external(self, external: object) -> str:
        """Never asked."""
        raise AssertionError


def built(root: Path, clips: int) -> Graph:
    """A folder whose every action has a record; its files are taken as known by their stats."""
    graph, known = make_graph(clips), Known()
    space = Workspace(root, write=True)
    for index in range(clips):
        (root / f"clip{index}").write_text("x")
    for name in graph.order:
        for source in graph.sources([name]):
            stat = (root / source).stat()
            key = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
            space.state.add_stat(source, [*key, known.source(Source(source))])
        found = walk(graph.actions[name], known)
        outputs = {"out": f"{name:>32}"}
        parts = found.fingerprint, found.free, found.stage, found.version
        known.records[name] = Record(*parts, outputs, 0.0, "")
        space.state.add_record(known.records[name])
        space.state.add_walk(name, found)
    space.close()
    return graph


def look(root: Path, graph: Graph) -> Prediction:
    """Read the state and predict."""
    space = Workspace(root, write=False)
    return predict(graph, space, Outside(), tuple(graph.actions), BuildOptions())


def calls(work: Callable[[], object]) -> int:
    """How many Python functions `work` calls."""
    count = 0

    def note(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_graph_and_prediction_grow_in_proportion(tmp_path: Path) -> None:
    counts = []
    for clips in (50, 200):
        root = tmp_path / str(clips)
        root.mkdir()
        graph = built(root, clips)
        assert look(root, graph).idle
        making = calls(lambda clips=clips: make_graph(clips))  # type: ignore[misc]
        counts.append((making, calls(lambda root=root, graph=graph: look(root, graph))))  # type: ignore[misc]
    assert counts[1][0] <= 4 * counts[0][0], counts
    assert counts[1][1] <= 4 * counts[0][1], counts


def test_the_state_is_compact_after_a_build_and_says_the_same(tmp_path: Path) -> None:
    graph = built(tmp_path, 400)
    journal, traces = tmp_path / ".ltxbuild" / "journal", tmp_path / ".ltxbuild" / "traces"
    assert len(journal.read_bytes().splitlines()) < 60
    assert len(traces.read_bytes().splitlines()) == len(graph.actions) + 1  # and one bag
    state = State.load(journal, write=False)
    assert len(state.records) == len(state.walks) == len(graph.actions)
    last = state.last_walk("train:3")
    assert last is not None
    assert last.parts["params", "segment"] == ("value", 3)
    assert {len(members) for members in last.bags.values()} == {400}
    assert look(tmp_path, graph).idle


@pytest.mark.parametrize("damage", ["gone", "torn", "rotten"])
def test_damaged_traces_cost_explanations_alone(tmp_path: Path, damage: str) -> None:
    graph = built(tmp_path, 20)
    traces = tmp_path / ".ltxbuild" / "traces"
    data = traces.read_bytes()
    traces.write_bytes(
        {"gone": b"", "torn": data[:-9], "rotten": data.replace(b"segment", b"sigment")}[damage]
    )
    assert look(tmp_path, graph).idle
    state = State.load(tmp_path / ".ltxbuild" / "journal", write=False)
    assert state.last_walk("train:9") is None
    assert state.walked("train:9") is not None
