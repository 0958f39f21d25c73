"""Each verdict from a world where it is the truth."""

from __future__ import annotations

from typing import Any

import pytest

from ltxbuild.job import dump_json
from ltxbuild.stages.judge.advice import ROWS
from ltxbuild.stages.judge.verdict import gate, judge
from tests.judge.world import curve, make


def verdicts(result: dict[str, Any]) -> dict[str, str]:
    return {test["id"]: test["verdict"] for test in result["tests"]}


def run(clips: int = 8, state: str = "LEARNING", **world: Any) -> dict[str, Any]:
    result = judge(make(heldout=clips, **world), curve(clips, state))
    dump_json(result)  # finite and plain
    return result


def test_a_good_lora_passes_all_four() -> None:
    result = run()
    assert verdicts(result) == dict.fromkeys(("trigger", "novel", "weight", "isolation"), "PASS")
    assert (result["verdict"], result["weight"], result["next"]) == ("PASS", 1.0, "Ship it.")
    assert gate(result)["ok"]


def test_a_fast_pass_may_be_shipped() -> None:
    assert run(mode="fast")["next"].startswith("Good enough")


@pytest.mark.parametrize("mode", ["fast", "quality"])
def test_not_applied_fails_in_both_modes(mode: str) -> None:
    result = run(pull=0, plain_pull=0, mode=mode)
    assert verdicts(result)["trigger"] == "FAIL"
    assert "changes nothing" in result["next"]
    assert not gate(result)["ok"]


def test_under_trained_is_a_warning_in_fast_and_opens_the_gate() -> None:
    weak = {"pull": 0.02, "plain_pull": 0.02}
    assert verdicts(run(mode="quality", **weak))["trigger"] == "FAIL"
    result = run(mode="fast", **weak)
    assert verdicts(result)["trigger"] == "WARN"
    assert gate(result)["ok"], gate(result)


def test_always_on_fails() -> None:
    result = run(pull=0.5, plain_pull=0.5)
    assert verdicts(result)["trigger"] == "FAIL"
    assert "captions and the trigger" in result["next"]


def test_a_trigger_that_leads_away_from_the_clips_is_not_called_an_effect_that_may_be_none() -> None:
    trigger = run(pull=-0.4)["tests"][0]
    assert trigger["interval"][0] > trigger["minimum"], "the words and the interval on the card must agree"
    assert trigger["verdict"] == "INCONCLUSIVE"
    assert trigger["explain"].startswith(
        "The trigger changes samples, but it is not shown that they approach"
    )


def test_copying_fails() -> None:
    result = run(copies=True, pull=0.9)
    assert verdicts(result)["novel"] == "FAIL"
    assert "Vary the scenes" in result["next"]


def test_collapse_onto_one_scene_fails() -> None:
    assert verdicts(run(collapse=True))["novel"] == "FAIL"


def test_copying_is_rarely_seen_where_there_is_none() -> None:
    assert sum(verdicts(run(seed=seed, clips=2))["novel"] == "FAIL" for seed in range(30)) <= 1


@pytest.mark.parametrize(
    ("best", "mode", "verdict"),
    [
        (0.5, "quality", "FAIL"),
        (0.78, "quality", "WARN"),
        (1.0, "quality", "PASS"),
        (1.25, "quality", "WARN"),
        (1.55, "quality", "FAIL"),
        (1.55, "fast", "WARN"),
    ],
)
def test_best_weight(best: float, mode: str, verdict: str) -> None:
    assert verdicts(run(best=best, mode=mode))["weight"] == verdict


def test_few_heldout_clips_never_decide_but_are_shown() -> None:
    result = run(clips=2, best=0.4)
    weight = next(test for test in result["tests"] if test["id"] == "weight")
    assert weight["verdict"] == "PASS"
    assert weight["details"]["best"]["weight"] == pytest.approx(0.4, abs=0.05)
    assert any("too few to decide" in row["why"] for row in result["skipped"])


def test_artifacts_at_the_highest_weight_bound_it() -> None:
    result = run(sharp={1.1: 9.0})
    assert (result["max_weight"], verdicts(result)["weight"]) == (1.0, "WARN")
    assert result["next"] == "Ship it with a maximum weight of 1."


@pytest.mark.parametrize(("drift", "verdict"), [(0.0, "PASS"), (0.1, "WARN"), (0.25, "FAIL")])
def test_drift(drift: float, verdict: str) -> None:
    assert verdicts(run(drift=drift))["isolation"] == verdict


@pytest.mark.parametrize("prompts", [0, 1, 4])
def test_too_few_prompts_are_inconclusive_and_say_how_many_are_missing(prompts: int) -> None:
    result = run(prompts=prompts)
    assert set(verdicts(result).values()) == {"INCONCLUSIVE"}
    assert result["verdict"] == "INCONCLUSIVE" and result["weight"] is None
    assert f"add {7 - prompts} " in result["next"]
    assert not gate(result)["ok"]
    assert all(test["p"] is None and test["interval"] is None for test in result["tests"])


def test_five_prompts_cannot_pass_after_the_correction() -> None:
    assert verdicts(run(prompts=5))["trigger"] == "WARN"


def test_without_heldout_clips_nothing_passes() -> None:
    result = run(clips=0)
    assert result["verdict"] == "WARN"
    assert any(row["what"] == "Overfitting" for row in result["skipped"])


def test_missing_arms_leave_their_test_open() -> None:
    world = make()
    kept = {name: s for name, s in world.samples.items() if ".lora.plain." not in name}
    found = verdicts(judge(type(world)(**{**world.__dict__, "samples": kept}), curve()))
    assert found["trigger"] == "INCONCLUSIVE"
    assert found["novel"] == found["isolation"] == "PASS"


def test_divergence_is_a_failure_whatever_the_samples_say() -> None:
    result = run(state="DIVERGED")
    assert result["verdict"] == "FAIL" and "diverged" in result["headline"]


def test_a_false_trigger_is_rare() -> None:
    passed = sum(
        verdicts(run(pull=0.0, plain_pull=0.0, seed=seed))["trigger"] == "PASS" for seed in range(20)
    )
    assert passed == 0


def test_every_row_of_the_advice_has_its_own_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert ROWS[-1].name == "rest"
