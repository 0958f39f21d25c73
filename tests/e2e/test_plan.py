"""`plan` before anything was built, when all is built, and with this machine's own times in between."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.project import Run, make_demo, run


@pytest.fixture
def project(built: tuple[Path, Run], tmp_path: Path) -> Path:
    folder = tmp_path / "mira"
    shutil.copytree(built[0], folder)
    return folder


def test_nothing_is_known_before_anything_ran(tmp_path: Path) -> None:
    folder = make_demo(tmp_path / "mira")
    before = sorted(folder.rglob("*"))
    told = run(folder, "plan").out
    assert "12 steps of 4 samples, up to 120 tokens each" in told
    assert "14 clips not cut yet" in told and "never ran here" in told
    assert " at most " not in told, "no time that was not measured"
    assert [p for p in sorted(folder.rglob("*")) if p not in before] == [], "plan writes no state"


def test_when_all_is_built_nothing_is_ahead(project: Path) -> None:
    told = run(project, "plan").out
    assert "nothing to do" in told and "64x64, 9 frames: 14 clips, 14 windows" in told


def test_times_are_those_of_this_folder(project: Path) -> None:
    (project / "lora.toml").write_text(
        (project / "lora.toml").read_text().replace("steps = 12", "steps = 20")
    )
    plan = json.loads(run(project, "plan", "--json", "-s", "cost.gpu_hour=3600").out)
    work = {one["kind"]: one for one in plan["work"]}
    assert work["train, fast"]["sure"] == 1, "the segment after those that are there"
    assert work["train, fast"]["seconds_each"] > 0
    assert plan["unknown"] == []
    model = [one for one in plan["work"] if one["worker"] == "model"]
    total = sum(one["seconds_each"] * (one["sure"] + one["maybe"]) for one in model)
    assert plan["model_seconds"] == pytest.approx(total)
    assert plan["model_cost"] == pytest.approx(total), "an hour costs 3,600: a second costs one"


def test_quality_shows_both_modes_and_what_never_ran(project: Path) -> None:
    told = run(project, "plan", "--mode", "quality").out
    assert "fast      12 steps" in told and "quality   8 steps" in told
    assert "train, quality" in told and "train, quality; " in told.rpartition("not in it: ")[2]
