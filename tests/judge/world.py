"""A small world in which the truth about a LoRA is known: vectors for samples, numbers for losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ltxbuild.stages.judge.evidence import Clip, Evidence, Sample, sample_id
from ltxbuild.stages.judge.losses import Losses

SIZE = 4 * 18
WEIGHTS = (0.0, 0.3, 0.6, 0.85, 1.0, 1.1, 1.3, 1.6)


def make(
    *,
    prompts: int = 8,
    pull: float = 0.5,
    plain_pull: float = 0.05,
    drift: float = 0.0,
    best: float = 1.0,
    heldout: int = 8,
    copies: bool = False,
    collapse: bool = False,
    mode: str = "quality",
    sharp: dict[float, float] | None = None,
    seed: int = 0,
) -> Evidence:
    """`pull`: how far the trigger moves a sample to the clips' centre at .85; `plain_pull` the same without it."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(0, 1, SIZE) * 2
    clips = {f"c{i}": Clip(_vector(centre + rng.normal(0, 1, SIZE))[None], "train") for i in range(12)}
    clips |= {
        f"h{i}": Clip(_vector(centre + rng.normal(0, 1, SIZE))[None], "holdout") for i in range(heldout)
    }
    samples: dict[str, Sample] = {}
    word = rng.normal(0, 0.15, SIZE)
    for k in range(prompts):
        scene = rng.normal(0, 1.2, SIZE)
        start = {"plain": scene, "trigger": scene + word + rng.normal(0, 0.03, SIZE)}
        for text, vector in start.items():
            samples[sample_id(k, "base", text, 0)] = _sample(vector, rng, 0)
        for weight in (0.6, 0.85, 1.1):
            amount = min(0.95, pull * weight / 0.85 * rng.uniform(0.9, 1.1))
            moved = start["trigger"] + amount * (centre - start["trigger"])
            if copies:
                moved = clips["c0"].windows[0] + rng.normal(0, 0.02, SIZE)
            if collapse:
                moved = samples["p0.base.trigger.0"].pooled + rng.normal(0, 0.02, SIZE)
            samples[sample_id(k, "lora", "trigger", weight)] = _sample(
                moved, rng, (sharp or {}).get(weight, 0)
            )
        moved = start["plain"] + plain_pull * (centre - start["plain"])
        samples[sample_id(k, "lora", "plain", 0.85)] = _sample(moved, rng, 0)
    return Evidence(
        mode=mode,
        kind="character",
        samples=samples,
        clips=clips,
        weights=_losses(rng, heldout, {w: 0.1 * ((w - best) ** 2 - best**2) for w in WEIGHTS}),
        plain=_losses(rng, heldout, {0.0: 0.01, 1.0: -0.01}),
        drift=_losses(rng, prompts, {0.0: 0.0, 0.85: drift}),
    )


def curve(clips: int = 8, verdict: str = "LEARNING") -> dict[str, Any]:
    """A curve with as many held-out clips."""
    per_clip = {f"h{i}": [[0, 0.0], [100, -0.1]] for i in range(clips)}
    return {"per_clip": per_clip, "clips": clips, "decides": clips >= 7, "chosen": 100, "verdict": verdict}


def _vector(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return x.astype(np.float32)


def _sample(vector: np.ndarray[Any, Any], rng: np.random.Generator, sharp: float) -> Sample:
    measures = {"sharpness": 10 + sharp + rng.uniform(0, 1), "noise": 1 + rng.uniform(0, 1)}
    return Sample(_vector(vector), measures)


def _losses(rng: np.random.Generator, clips: int, shift: dict[float, float]) -> Losses:
    losses: Losses = {}
    for i in range(clips):
        for quantile in (0.1, 0.5, 0.9):
            level = float(rng.normal(-1, 0.3))
            noise = {w: float(rng.normal(0, 0.002)) if w else 0.0 for w in shift}
            losses[(f"h{i}", 0, quantile, 0)] = {
                w: float(np.exp(level + y + noise[w])) for w, y in shift.items()
            }
    return losses
