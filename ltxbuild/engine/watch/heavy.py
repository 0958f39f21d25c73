"""Which work is light, and when heavy work is no longer wanted. Pure functions of graphs and predictions."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph

# The worker kind that keeps models open: its work takes minutes and, on some machines, costs money.
HEAVY = "model"


def light_part(graph: Graph, targets: Iterable[str]) -> tuple[str, ...]:
    """What the targets need that depends on no heavy work at all, in topological order."""
    heavy: set[str] = set()
    light: list[str] = []
    for name in graph.closure(targets):
        before = (*graph.inputs_of(name), *graph.guards_of(name))
        if graph.actions[name].worker == HEAVY or not heavy.isdisjoint(before):
            heavy.add(name)
        else:
            light.append(name)
    return tuple(light)


def asks_for_heavy(graph: Graph, prediction: Prediction) -> bool:
    """Whether anything heavy may run."""
    return any(
        forecast.state != "fresh" and graph.actions[name].worker == HEAVY
        for name, forecast in prediction.forecasts.items()
    )


def steps(graph: Graph, targets: Iterable[str], gate: str) -> list[tuple[tuple[str, ...], str]]:
    """What expensive work is for, in order, with what starts it: a quiet time, or for what lies behind the guard
    called `gate` somebody's Enter.
    """
    wanted = tuple(targets)
    asked = [
        guard.ref.action
        for name in graph.closure(wanted)
        for guard in graph.actions[name].guards
        if guard.name == gate
    ]
    if not asked:
        return [(wanted, "quiet")]
    return [(tuple(dict.fromkeys(asked)), "quiet"), (wanted, "enter")]


def obsolete(running: Collection[str], wanted: Prediction) -> bool:
    """Whether none of the fingerprints that run is known to be wanted.

    A fingerprint that cannot be told yet depends on something that has to run first, so it differs from what runs.
    """
    known = {f.fingerprint for f in wanted.forecasts.values() if f.fingerprint}
    return bool(running) and known.isdisjoint(running)
