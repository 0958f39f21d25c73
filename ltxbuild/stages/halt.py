"""Whether training goes on after a segment. Knows no model; what a segment does about it is the segment's.

Inputs: base: loss.json of the base; curve: {step: loss.json} up to now; before: halt.json of the segment before,
null unless it said stop. Parameters: from, the step from which a plateau ends training; end, the stable part's last.
Output: halt.json, GO or the reason to stop.
"""

from __future__ import annotations

import shutil

from ltxbuild.job import Job, JsonDict, write_json
from ltxbuild.stages.curve import stops
from ltxbuild.stages.heldout import read_curve

GO: JsonDict = {"stop": False}


def run(job: Job) -> None:
    """Write halt.json. Who stopped once stays where it is, whatever the repeated checkpoint measures."""
    before = job.inputs.get("before")
    out = job.out / "halt.json"
    if before is not None:
        shutil.copyfile(before.path, out)
        return
    curve = read_curve(job.inputs["base"], job.inputs["curve"])
    found = stops([*curve], [*curve.values()], int(str(job.params["from"]))) if curve else None
    if found is None:
        write_json(out, GO)
        return
    verdict, why = found
    at = max(curve)
    job.note(f"training stops after step {at}: {why}")
    end = int(str(job.params["end"]))
    write_json(out, {"stop": True, "at": at, "end": end, "verdict": verdict, "why": why})
