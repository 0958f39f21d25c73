"""Holm's correction for several tests; knows only p-values."""

from __future__ import annotations

from collections.abc import Mapping


def holm(ps: Mapping[str, float | None], tests: int) -> dict[str, float | None]:
    """Adjusted p by name (Holm 1979) for a family of `tests`; one without a p counts as 1 and stays None."""
    if len(ps) > tests:
        raise ValueError(f"{len(ps)} p-values in a family of {tests}")
    adjusted: dict[str, float | None] = dict.fromkeys(ps)
    known = sorted((p, name) for name, p in ps.items() if p is not None)
    reached = 0.0
    for rank, (p, name) in enumerate(known):
        reached = max(reached, min(1.0, (tests - rank) * p))
        adjusted[name] = reached
    return adjusted
