"""A control LoRA is judged by whether samples go where their reference's clip lies, not by what it is meant to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ltxbuild.stages.judge.evidence import Evidence, Sample, sample_id
from ltxbuild.stages.judge.verdict import gate, judge
from tests.judge.world import curve, make


def control(follow: float, mode: str = "quality", still: bool = False) -> Evidence:
    """Every prompt with the references of two clips, to whose latents the LoRA moves samples by `follow`."""
    evidence, rng = make(mode=mode), np.random.default_rng(1)
    names = sorted(evidence.clips)
    samples: dict[str, Sample] = {}
    for k in range(8):
        pair = {"trigger": names[k], "plain": names[k + 1]}
        for text, target in pair.items():
            base = evidence.samples[sample_id(k, "base", text, 0)]
            way = evidence.clips[target].windows[0] - base.pooled
            samples[sample_id(k, "base", text, 0)] = replace(base, target=target)
            for weight in (0.6, 0.85, 1.1) if text == "trigger" else (0.85,):
                noise = 0 if still else rng.normal(0, 0.1, len(base.pooled))
                moved = (base.pooled + follow * weight / 0.85 * way + noise).astype(np.float32)
                samples[sample_id(k, "lora", text, weight)] = replace(base, pooled=moved, target=target)
    return replace(evidence, kind="control", samples=samples)


def by_id(evaluation: dict[str, Any]) -> dict[str, Any]:
    return {test["id"]: test for test in evaluation["tests"]}


def test_samples_that_go_to_their_clips_pass() -> None:
    found = judge(control(0.6), curve())
    test = by_id(found)["trigger"]
    assert test["title"] == "Reference response" and test["verdict"] == "PASS"
    assert test["effect"] == pytest.approx(0.6, abs=0.1)
    assert gate(found) == {"ok": True, "why": "reference response PASS, no test failed"}


def test_a_reference_that_is_not_followed_does_not_pass() -> None:
    for mode in ("fast", "quality"):
        test = by_id(judge(control(0.0, mode), curve()))["trigger"]
        assert test["verdict"] in ("FAIL", "WARN", "INCONCLUSIVE") and abs(test["effect"]) < 0.1
    assert not gate(judge(control(0.0, "quality"), curve()))["ok"]


def test_a_lora_that_was_not_applied_fails() -> None:
    test = by_id(judge(control(0.0, still=True), curve()))["trigger"]
    assert test["verdict"] == "FAIL" and "not applied" in test["explain"]


def test_coming_near_to_a_clip_and_changing_everything_is_no_fault() -> None:
    found = judge(control(1.0), curve())
    tests = by_id(found)
    assert {tests["novel"]["verdict"], tests["isolation"]["verdict"]} == {"INCONCLUSIVE"}
    assert found["verdict"] == "WARN", "what was not judged is no PASS"
    assert {"Novel scenes", "Isolation"} <= {row["what"] for row in found["skipped"]}
