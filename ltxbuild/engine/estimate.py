"""How long what is ahead may take, by what the same stages took before. Only for showing; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.state import Record

# What a stage took long ago, on another base or in other settings, says less than the last runs.
LAST = 20


def medians(records: Iterable[Record]) -> dict[str, float]:
    """The median seconds of the last records of each stage."""
    found: dict[str, list[float]] = {}
    for record in records:
        found.setdefault(record.stage, []).append(record.seconds)
    return {stage: median(seconds[-LAST:]) for stage, seconds in found.items()}


def foreseen(
    graph: Graph, prediction: Prediction, records: Iterable[Record], slots: Mapping[str, int]
) -> dict[str, float]:
    """Seconds for each action that runs or may run, shared among the slots it has; empty if a stage never ran here."""
    known = medians(records)
    ahead = [graph.actions[name] for state in ("run", "maybe") for name in prediction.of(state)]
    if not all(action.stage in known for action in ahead):
        return {}
    return {action.id: known[action.stage] / max(1, slots.get(action.worker, 1)) for action in ahead}
