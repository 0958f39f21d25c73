"""The checkpoint to go on with, by held-out loss. Knows no model and no training setting."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ltxbuild.job import Job, Wanted, read_json, write_json
from ltxbuild.stages.curve import Choice, choose, curve_value


def run(job: Job) -> None:
    """Copy the chosen adapter and optimizer, and write choice.json; without held-out data the last, and say
    so.
    """
    states = {int(name): state for name, state in job.inputs["states"].items()}
    losses = {int(name): read_json(file.path) for name, file in job.inputs["curve"].items()}
    base = _by_clip(read_json(job.inputs["base"].path))
    if base:
        steps = sorted(losses)
        ys = [curve_value(_by_clip(losses[step]), base) for step in steps]
        choice = choose(steps, ys, str(job.params["mode"]), int(str(job.params["steps"])))
    else:
        steps, ys = [], []
        choice = Choice(
            max(states), "NO_DATA", "no clip is held out: the last checkpoint; overfitting cannot be judged"
        )
    curve: Any = [[step, round(y, 6)] for step, y in zip(steps, ys, strict=True)]
    result = {"step": choice.step, "verdict": choice.verdict, "curve": curve, "why": choice.why}
    for name in ("adapter", "optimizer"):
        file = states[choice.step][name]
        if not file.path.exists():  # gc keeps few optimizer states: another choice needs its own again
            raise Wanted(file)
        shutil.copyfile(file.path, job.out / f"{name}.safetensors")
    write_json(job.out / "choice.json", result)


def _by_clip(loss: Mapping[str, Any]) -> dict[str, list[float]]:
    """Losses by clip in a fixed order of items, at the one weight that was measured."""
    found: dict[str, list[float]] = defaultdict(list)
    for item in sorted(loss["items"], key=lambda i: (i["key"], i["window"], i["quantile"], i["noise"])):
        (value,) = item["loss"].values()
        found[item["key"]].append(float(value))
    return dict(found)
