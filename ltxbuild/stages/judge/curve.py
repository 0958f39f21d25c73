"""The held-out curve as the report shows it. Knows no verdict and chooses no checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge.evidence import mean
from ltxbuild.stages.judge.losses import Losses, log_ratios
from ltxbuild.stages.judge.thresholds import LEAST_HELDOUT


def curve(base: Losses, checkpoints: Mapping[int, Losses], choice: Mapping[str, Any]) -> JsonDict:
    """Steps, y = mean over clips of log(loss / loss at step 0), and the same for each clip.

    Empty lists without held-out losses. `decides` is false with too few clips.
    """
    points: list[tuple[int, float]] = []
    clips: dict[str, list[list[float]]] = {}
    for step, losses in sorted(checkpoints.items()):
        by_clip = log_ratios(losses, 1.0, base)
        if by_clip:
            points.append((step, mean(by_clip.values())))
        for key, y in by_clip.items():
            clips.setdefault(key, [[0, 0.0]]).append([step, y])
    found: JsonDict = {
        "steps": [0, *(step for step, _ in points)] if points else [],
        "heldout": [0.0, *(y for _, y in points)] if points else [],
        "per_clip": {key: [list(point) for point in ys] for key, ys in sorted(clips.items())},
        "clips": len(clips),
        "decides": len(clips) >= LEAST_HELDOUT,
        "chosen": choice.get("step"),
        "verdict": choice.get("verdict"),
        "why": choice.get("why"),
    }
    return {**found, "stopped": choice["stopped"]} if "stopped" in choice else found


def stubborn(found: Mapping[str, Any]) -> list[str]:
    """Held-out clips whose last loss is not below the base's although the others' together is."""
    last = {key: float(points[-1][1]) for key, points in found["per_clip"].items()}
    if len(last) < 2 or mean(last.values()) >= 0:
        return []
    return [key for key, y in last.items() if y >= 0]
