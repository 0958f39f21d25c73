"""What to know to use the LoRA, as NAME.json beside it: weights, trigger, verdict. Measures nothing itself.

It is not in the LoRA's own metadata, so that the LoRA's bytes depend on training alone.
Inputs: evaluation (evaluation.json), export (export.json). Parameters: name, trigger, class, type, base.
Output: recommend.json.
"""

from __future__ import annotations

from ltxbuild.job import Job, read_json, write_json

SCHEMA = 1
JUDGED = ("mode", "verdict", "headline", "weight", "max_weight", "step")


def run(job: Job) -> None:
    """Write recommend.json."""
    evaluation = read_json(job.inputs["evaluation"].path)
    export = read_json(job.inputs["export"].path)
    facts = {"schema": SCHEMA, **job.params, "file": f"{job.params['name']}.safetensors"}
    judged = {key: evaluation.get(key) for key in JUDGED}
    write_json(job.out / "recommend.json", {**facts, **judged, "sha256": export["sha256"]})
