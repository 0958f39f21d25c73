"""Each stage's outputs on fixed inputs, held against its version: a forgotten bump fails here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.stages import STAGES
from tests.stages import golden, update_golden
from tests.stages.cases import CASES

SAY = (
    "the outputs of `{0}` changed: raise its version in ltxbuild/stages/__init__.py, then run "
    "`python -m tests.stages.update_golden {0}`"
)


def test_every_stage_has_cases_and_an_entry() -> None:
    assert set(CASES) == set(STAGES) == set(golden.load())
    assert all(CASES.values())


@pytest.mark.parametrize("stage", STAGES)
def test_outputs_and_version_belong_together(stage: str, tmp_path: Path) -> None:
    entry = golden.load()[stage]
    assert entry["version"] == STAGES[stage].version, f"run `python -m tests.stages.update_golden {stage}`"
    made = golden.make(stage, tmp_path)
    for outputs in made.values():
        assert set(outputs) == set(STAGES[stage].outputs), "a case shows every declared output and no other"
    assert golden.differences(stage, entry["summary"], made) == [], SAY.format(stage)


@pytest.mark.parametrize(
    ("stage", "old", "new", "same"),
    [
        ("train", {"a": 1}, {"a": 1}, True),
        ("train", {"a": 1}, {"a": 2}, False),
        ("train", {"a": 1}, {"b": 1}, False),
        ("train", {"a": 1}, {"a": 1.0}, False),
        ("train", [1.0, 0.001], [1.001, 0.002], True),
        ("train", [1.0, 0.001], [1.0, 0.004], False),
        ("train", {"rate": 0.001}, {"rate": 0.0011}, False),
        ("train", [1, 0.001], [1, 0.0011], False),
        ("train", [], [1.0], False),
        ("bucket", 1.0, 1.001, False),
        (
            "scan",
            {"scan.json": {"subject": {"down": -0.0134}}},
            {"scan.json": {"subject": {"down": -0.013}}},
            True,
        ),
        (
            "scan",
            {"scan.json": {"subject": {"down": -0.0134}}},
            {"scan.json": {"subject": {"down": -0.0128}}},
            False,
        ),
        ("scan", {"scan.json": {"flow": -0.0134}}, {"scan.json": {"flow": -0.013}}, False),
        ("transcode", -0.0134, -0.013, False),
        ("scan", "0123456789abcdef", "0123456789abcdee", True),
        ("scan", "0123456789abcdef", "fedcba9876543210", False),
        ("scan", "why", "other", False),
    ],
)
def test_what_counts_as_a_difference(stage: str, old: Any, new: Any, same: bool) -> None:
    assert (golden.differences(stage, old, new) == []) is same


def test_update_refuses_another_summary_under_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = golden.load()
    entries["bucket"]["summary"]["still"]["bucket.json"]["width"] += 1
    monkeypatch.setattr(golden, "FILE", tmp_path / "golden.json")
    golden.store(entries)
    assert update_golden.main(["bucket"]) == 1
    assert "raise its version first" in capsys.readouterr().err
    entries["bucket"]["version"] -= 1
    golden.store(entries)
    assert update_golden.main(["bucket"]) == 0
    assert json.loads((tmp_path / "golden.json").read_text())["bucket"]["version"] == STAGES["bucket"].version
