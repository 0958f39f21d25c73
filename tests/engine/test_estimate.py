"""The time left, by what the same stages took before."""

from __future__ import annotations

from ltxbuild.console.plain import Tracker
from ltxbuild.engine.action import Action
from ltxbuild.engine.estimate import LAST, foreseen, medians
from ltxbuild.engine.forecast import Forecast, Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.state import Record


def record(stage: str, seconds: float) -> Record:
    return Record("", "", stage, 1, {}, seconds, "")


def forecast(action: str, state: str) -> Forecast:
    return Forecast(action, state, (), "", None)


def test_the_median_of_the_last_runs() -> None:
    slow = [record("train", 1000.0)] * LAST
    assert medians([*slow, *[record("train", 2.0)] * LAST, record("train", 90.0)]) == {"train": 2.0}


def test_what_runs_and_may_run_counts_shared_among_its_workers() -> None:
    graph = Graph()
    for name, worker in (("a", "media"), ("b", "media"), ("c", "model"), ("d", "model")):
        graph.add(Action(name, worker, 1, (), worker=worker))
    states = {"a": "run", "b": "maybe", "c": "run", "d": "fresh"}
    prediction = Prediction({name: forecast(name, state) for name, state in states.items()})
    records = [record("media", 4.0), record("model", 10.0)]
    found = foreseen(graph, prediction, records, {"media": 2, "model": 1})
    assert found == {"a": 2.0, "b": 2.0, "c": 10.0}
    assert foreseen(graph, prediction, records[:1], {}) == {}, "half an answer would be a wrong one"


def test_the_line_counts_down() -> None:
    now = 0.0
    tracker = Tracker(lambda: now)
    tracker.begin(2, 0)
    assert "left" not in tracker.line()
    tracker.foresee({"a": 60.0, "b": 30.0})
    tracker.start("a")
    now = 20.0
    assert "about 1:10 left" in tracker.line()
    now = 100.0
    assert "about 0:30 left" in tracker.line(), "it takes longer than expected, but b is still ahead"
    tracker.end("a")
    tracker.end("b")
    assert "left" not in tracker.line()
