"""What actions of a kind took on this machine, from the records of those that were made here. Predicts nothing."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from ltxbuild.engine.estimate import LAST
from ltxbuild.engine.state import State


def seconds_by_kind(
    state: State, kind_of: Callable[[str], str], counts: Callable[[str], bool]
) -> dict[str, float]:
    """The median seconds of each kind of action, by the actions' last records in the variants that count."""
    found: dict[str, list[float]] = {}
    for key, fingerprint in state.walks.items():
        action, _, variant = key.partition("\n")
        record = state.records.get(fingerprint)
        if record is not None and record.seconds > 0 and counts(variant):
            found.setdefault(kind_of(action), []).append(record.seconds)
    return {kind: median(seconds[-LAST:]) for kind, seconds in found.items()}
