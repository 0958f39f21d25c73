"""NAME.json: what the evaluation recommends, beside the LoRA and not in it."""

from __future__ import annotations

from pathlib import Path

from ltxbuild.project.names import name_fault
from ltxbuild.project.project import load
from ltxbuild.recipe import make_graph
from ltxbuild.stages.recommend import run
from tests.fake_job import FakeJob, json_file
from tests.project.folder import LORA, make


def test_weights_and_verdict_beside_the_file(tmp_path: Path) -> None:
    evaluation = {
        "verdict": "PASS",
        "mode": "fast",
        "headline": "h",
        "weight": 0.8,
        "max_weight": 1.1,
        "step": 600,
    }
    inputs = {
        "evaluation": json_file(tmp_path / "in" / "evaluation.json", evaluation),
        "export": json_file(tmp_path / "in" / "export.json", {"sha256": "5a"}),
    }
    job = FakeJob(tmp_path, {"name": "mira", "trigger": "mira_char"}, inputs)
    run(job)
    found = job.json("recommend.json")
    assert found["file"] == "mira.safetensors" and found["sha256"] == "5a"
    assert (found["weight"], found["max_weight"], found["verdict"]) == (0.8, 1.1, "PASS")


def test_delivered_beside_the_lora_and_no_input_of_it(tmp_path: Path) -> None:
    graph = make_graph(load(make(tmp_path, LORA, 'one = "mira_char a"\n', ("one.mp4",))))
    assert "mira.json" in [item.path for item in graph.deliverables]
    assert "recommend:fast" not in graph.closure(graph.targets["export"])
    assert name_fault("report") and name_fault("Report") and not name_fault("reporter")
