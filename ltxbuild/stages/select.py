"""The checkpoint to go on with, by held-out loss. Knows no model and no training setting."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import Any

from ltxbuild.job import Job, JsonDict, Wanted, read_json, write_json
from ltxbuild.stages.curve import Choice, choose
from ltxbuild.stages.heldout import Stop, read_curve, trained


def run(job: Job) -> None:
    """Copy the chosen adapter and optimizer, and write choice.json; without held-out data the last, and say so.

    Steps in it are steps that were trained: where training stopped early, fewer than planned.
    """
    halt = job.inputs.get("halt")
    stop = Stop.of(read_json(halt.path) if halt else None)
    states = trained({int(name): state for name, state in job.inputs["states"].items()}, stop)
    curve = trained(read_curve(job.inputs["base"], job.inputs["curve"]), stop)
    if curve:
        planned, ended = int(str(job.params["steps"])), stop.verdict if stop else None
        choice = choose([*curve], [*curve.values()], str(job.params["mode"]), planned, ended)
    else:
        choice = Choice(
            max(states), "NO_DATA", "no clip is held out: the last checkpoint; overfitting cannot be judged"
        )
    points: Any = [[step, round(y, 6)] for step, y in curve.items()]
    result: JsonDict = {"step": choice.step, "verdict": choice.verdict, "curve": points, "why": choice.why}
    if stop:
        result["stopped"] = asdict(stop)
    for name in ("adapter", "optimizer"):
        file = states[choice.step][name]
        if not file.path.exists():  # gc keeps few optimizer states: another choice needs its own again
            raise Wanted(file)
        shutil.copyfile(file.path, job.out / f"{name}.safetensors")
    write_json(job.out / "choice.json", result)
