"""How long what is ahead may take, by what the same stages took before. Only for showing; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from statistics import median

from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.state import Record, State

# What a stage took long ago, on another base or in other settings, says less than the last runs.
LAST = 20


def medians(records: Iterable[Record]) -> dict[str, float]:
    """The median seconds of the last records of each stage."""
    return _medians((record.stage, record.seconds) for record in records)


def seconds_by_kind(
    state: State, kind_of: Callable[[str], str], counts: Callable[[str], bool]
) -> dict[str, float]:
    """The median seconds of each kind of action, by the actions' last records in the variants that count."""
    walks = ((*key.partition("\n")[::2], state.records.get(found)) for key, found in state.walks.items())
    return _medians(
        (kind_of(action), record.seconds)
        for action, variant, record in walks
        if record is not None and record.seconds > 0 and counts(variant)
    )


def _medians(measured: Iterable[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for kind, seconds in measured:
        found.setdefault(kind, []).append(seconds)
    return {kind: median(seconds[-LAST:]) for kind, seconds in found.items()}


def foreseen(
    graph: Graph, prediction: Prediction, records: Iterable[Record], slots: Mapping[str, int]
) -> dict[str, float]:
    """Seconds for each action that runs or may run, shared among the slots it has; empty if a stage never ran here."""
    known = medians(records)
    ahead = [graph.actions[name] for state in ("run", "maybe") for name in prediction.of(state)]
    if not all(action.stage in known for action in ahead):
        return {}
    return {action.id: known[action.stage] / max(1, slots.get(action.worker, 1)) for action in ahead}
