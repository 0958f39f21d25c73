"""A report.json as the stage writes it, from a judged world, with names and captions that try to break a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltxbuild.job import JsonDict
from ltxbuild.stages import report
from ltxbuild.stages.bucket import Ladder, choose_bucket
from ltxbuild.stages.judge.verdict import gate, judge
from tests.fake_job import FakeJob, json_file
from tests.judge.world import curve, make

NASTY = "<script>alert(\"1\")</script> & 'quotes'"
CLIP = 'a<b>&"c"'


def facts(root: Path, **more: Any) -> dict[str, Any]:
    """report.json of a project whose caption, class and clip are hostile."""
    evaluation = judge(make(), {**curve(), "steps": [0, 50, 100], "heldout": [0.0, -0.1, -0.2], "why": NASTY})
    probe: JsonDict = {"error": None, "kind": "video", "duration": 3.0}
    scan: JsonDict = {"error": None, "frames": 36, "duration": 1.5}
    video: JsonDict = {
        "width": 200,
        "height": 100,
        "frames": 36,
        "fps": 24.0,
        "duration": 1.5,
        "changes": [NASTY],
    }
    bucket = choose_bucket(200, 100, 36, Ladder(((96, 64),), (1, 25), 200, 16, 4), "left")
    finding: JsonDict = {
        "code": "CAP603",
        "name": "too-long",
        "severity": "W",
        "message": NASTY,
        "fix": NASTY,
    }
    finding |= {"where": {"file": "captions.toml", "key": CLIP}}
    log: JsonDict = {
        "steps": [[step, 1.0 - step / 100, 1e-3, 0.5, 1.0] for step in range(1, 21)],
        "per_clip": {},
    }
    ids = [f"p0.{model}.{text}.{weight}" for model, text, weight in ARMS]
    params: dict[str, Any] = {
        "project": {
            "name": "mira",
            "trigger": "mira_char",
            "class": NASTY,
            "type": "character",
            "base": "tiny",
        },
        "mode": "fast",
        "captions": {CLIP: NASTY},
        "starts": {CLIP: 1.0},
        "samples": [{"id": i, "prompt": NASTY, "seed": 1, "weight": float(i.rsplit(".", 1)[1])} for i in ids],
        "settings": [["train.rank", "8", "lora.toml"]],
        "provenance": {"ltxbuild": "0.1.0"},
        **more,
    }

    def file(name: str, value: Any) -> Any:
        return json_file(root / "in" / name, value)

    inputs = {
        "clips": {
            CLIP: {
                "probe": file("p", probe),
                "scan": file("s", scan),
                "facts": file("v", video),
                "bucket": file("b", bucket),
            }
        },
        "logs": {"20": file("log", log)},
        "evaluation": file("evaluation", evaluation),
        "gate": file("gate", gate(evaluation)),
        "lint": file("lint", [finding]),
        "export": file("export", {"tensors": 80, "max_difference": 0.0, "tolerance": 0.1}),
    }
    job = FakeJob(root, params, inputs)
    report.run(job)
    found: dict[str, Any] = job.json("report.json")
    return found


ARMS = [
    *(("base", text, 0) for text in ("trigger", "plain")),
    *(("lora", text, 0.85) for text in ("trigger", "plain")),
    *(("lora", "trigger", weight) for weight in (0.6, 1.1)),
]
