"""The lint stages: findings of clips and set, weighed by the settings, and the guard of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ltxbuild.lint.selection import matches
from ltxbuild.stages import lint, lint_clip
from tests.fake_job import FakeJob, as_file, json_file
from tests.lint.material import CAPTION, PROBE, SCAN, code_hash, distinct_caption

PARAMS: dict[str, Any] = {
    "captions": {}, "orphans": [], "trigger": "mira_char", "class": "woman", "type": "style", "mode": "fast",
    "train": {"rank": 8, "learning_rate": 1e-4, "steps": 600},
    "ranges": {"fewest": 1, "count": [1, 40], "views_fast": [15, 600]},
    "select": ["ALL"], "ignore": [], "severity": {},
}  # fmt: skip


def lint_one(
    root: Path, key: str, caption: str | None, scan: dict[str, Any] | None = None, **more: Any
) -> Any:
    """Findings and scan of one clip, as `lint` takes them."""
    facts = json_file(
        root / key / "scan.json", {**SCAN, "hash": [*code_hash(sum(map(ord, key)))], **(scan or {})}
    )
    params: dict[str, Any] = {
        "clip": key, "path": f"clips/{key}.mp4", "caption": caption, "trigger": "mira_char", "class": "woman",
        "type": "style", "draft": False, "ranges": {}, "smallest": 33, **more,
    }  # fmt: skip
    job = FakeJob(
        root / key,
        params,
        {
            "probe": json_file(root / key / "probe.json", {**PROBE}),
            "scan": facts,
            "moments": json_file(root / key / "moments.json", {}),
        },
    )
    lint_clip.run(job)
    return {"findings": as_file(job.out / "findings.json"), "scan": facts}


def lint_all(root: Path, clips: dict[str, Any], **more: Any) -> tuple[list[Any], dict[str, Any]]:
    captions = {key: distinct_caption(i) for i, key in enumerate(clips)}
    job = FakeJob(root / "all", {**PARAMS, "captions": captions, **more}, {"clips": clips})
    lint.run(job)
    return job.json("findings.json"), job.json("ok.json")


@pytest.fixture
def bad(tmp_path: Path) -> dict[str, Any]:
    cut = {"cuts": [{"time": 1.0, "score": 9.0}]}
    return {
        "b": lint_one(tmp_path, "b", CAPTION, cut),
        "a": lint_one(tmp_path, "a", "a woman with a red scarf walks along a rainy street", cut),
        "c": lint_one(tmp_path, "c", CAPTION, draft=True),
    }


def test_errors_close_the_guard_and_are_named(tmp_path: Path, bad: dict[str, Any]) -> None:
    findings, ok = lint_all(tmp_path, bad)
    assert [(f["code"], f["where"]["key"]) for f in findings] == [
        ("PIX101", "a"), ("PIX101", "b"), ("TRG701", "a"), ("CAP606", "c"),
    ]  # fmt: skip
    assert ok == {"ok": False, "why": "3 errors: PIX101 in a, b; TRG701 in a"}


def test_settings_weigh_findings(tmp_path: Path, bad: dict[str, Any]) -> None:
    _, ok = lint_all(tmp_path, bad, ignore=["PIX"], severity={"TRG701": "W"})
    assert ok == {"ok": True, "why": ""}
    findings, _ = lint_all(tmp_path, bad, select=["PIX101"], ignore=["PIX"])
    assert {f["code"] for f in findings} == {"PIX101"}
    findings, _ = lint_all(tmp_path, bad, select=["TRG"])
    assert {f["code"] for f in findings} == {"TRG701"}
    _, ok = lint_all(tmp_path, bad, ignore=["PIX101", "TRG701"], severity={"ALL": "I", "CAP606": "E"})
    assert ok["why"] == "1 error: CAP606 in c"


def test_a_draft_is_an_error_in_quality(tmp_path: Path, bad: dict[str, Any]) -> None:
    _, ok = lint_all(tmp_path, bad, mode="quality", select=["CAP606"])
    assert ok == {"ok": False, "why": "1 error: CAP606 in c"}


def test_the_set_and_the_settings_take_part(tmp_path: Path, bad: dict[str, Any]) -> None:
    findings, _ = lint_all(
        tmp_path,
        bad,
        orphans=["zed"],
        ranges={"fewest": 8, "count": [10, 40]},
        train={"rank": 64},
        trigger="dragon",
        select=["SET401", "CFG801", "CLP014", "TRG705"],
    )
    assert [f["code"] for f in findings] == ["CLP014", "TRG705", "CFG801", "SET401"]


def test_a_good_project_is_ok(tmp_path: Path) -> None:
    clips = {key: lint_one(tmp_path, key, CAPTION) for key in ("a",)}
    assert lint_all(tmp_path, clips) == ([], {"ok": True, "why": ""})


def test_matching() -> None:
    finding = {"code": "PIX101", "name": "hard-cut"}
    assert matches(finding, ["PIX101"]) == matches(finding, ["x", "PIX101"]) > matches(finding, ["PIX"]) > 0
    assert matches(finding, ["PIX"]) > matches(finding, ["ALL"]) > matches(finding, ["CLP"]) == 0
    assert matches(finding, ["hard-cut"]) > 0


def test_an_ignore_is_found_once_it_hides_nothing(tmp_path: Path, bad: dict[str, Any]) -> None:
    ignored = {"a": ["pix", "TRG701"], "b": ["PIX101", "TRG701"], "c": ["ALL"]}
    findings, ok = lint_all(tmp_path, bad, ignored=ignored)
    assert ok["ok"] and [(f["code"], f["where"]["key"]) for f in findings] == [("CFG809", "b")]
    assert findings[0]["evidence"] == {"ignored": ["TRG701"]}
    findings, _ = lint_all(tmp_path, bad, ignored={"a": ["PIX101"]}, ignore=["unused-ignore"])
    assert "CFG809" not in {f["code"] for f in findings}
