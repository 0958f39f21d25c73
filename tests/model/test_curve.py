"""Verdicts and choices on curves whose truth is known."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.job import read_json
from ltxbuild.stages import select
from ltxbuild.stages.curve import choose, curve_value, jitter, rising_p, theil_sen, verdict
from tests.fake_job import FakeJob, json_file


def curve(
    seed: int, drop: float = 0.08, tau: float = 350, over: float = 0, noise: float = 0.002, steps: int = 3000
) -> tuple[list[int], list[float], list[float]]:
    """Steps, measured values and truth of a run that learns `drop` and, from step 700, loses `over`."""
    dice = random.Random(seed)
    at = list(range(100, steps + 1, 100))
    truth = [-drop * (1 - math.exp(-s / tau)) + over * max(0, s - 700) / 1000 for s in at]
    return at, [t + dice.gauss(0, noise) for t in truth], truth


def share(seen: list[str], *wanted: str) -> float:
    return sum(v in wanted for v in seen) / len(seen)


def test_a_plateau_is_found_and_not_too_early() -> None:
    ends = []
    for seed in range(100):
        steps, ys, _ = curve(seed)
        ends.append(
            next(
                s for i, s in enumerate(steps) if verdict(steps[: i + 1], ys[: i + 1], "quality") == "PLATEAU"
            )
        )
    assert sorted(ends)[5] >= 1000 and sorted(ends)[50] <= 2200


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"drop": -0.3}, {"DIVERGED"}),
        ({"noise": 0.05}, {"OSCILLATING"}),
        ({"drop": 0.0, "noise": 0.001}, {"NOT_LEARNING"}),
        ({"over": 0.03}, {"OVERFIT"}),
        ({"tau": 3000}, {"LEARNING"}),
    ],
)
def test_verdicts_on_synthetic_curves(options: dict[str, float], wanted: set[str]) -> None:
    seen = [verdict(*curve(seed, **options)[:2], "quality") for seed in range(100)]  # type: ignore[arg-type]
    assert share(seen, *wanted) >= 0.9, {v: seen.count(v) for v in seen}


def test_fast_judges_little_and_quality_waits() -> None:
    steps, ys, _ = curve(0, over=0.03)
    assert verdict(steps, ys, "fast") == "LEARNING"
    dice = random.Random(0)
    wild = [dice.gauss(-0.05, 0.05) for _ in range(12)]
    steps = list(range(50, 650, 50))
    assert verdict(steps[:2], wild[:2], "fast") == "LEARNING"
    assert verdict(steps, wild, "fast") == "OSCILLATING"
    assert verdict(steps[:4], wild[:4], "quality") == "LEARNING"
    assert verdict([50, 100, 150], [0.2, 0.3, 0.4], "quality") == "DIVERGED"
    assert verdict([50], [math.nan], "fast") == "DIVERGED"


def test_the_choice_is_early_enough_and_good() -> None:
    regrets = []
    for seed in range(100):
        steps, ys, truth = curve(seed, over=0.03)
        chosen = choose(steps, ys, "quality", 3000)
        assert chosen.verdict == "OVERFIT"
        regrets.append((truth[steps.index(chosen.step)] - min(truth)) / -min(truth))
    assert sum(regrets) / len(regrets) < 0.1


def test_a_late_collapse_does_not_cost_the_early_checkpoint() -> None:
    steps, ys, _ = curve(0, over=0.08)
    chosen = choose(steps, ys, "quality", 3000)
    assert chosen.verdict == "DIVERGED" and chosen.step <= 1200


def test_the_choice_waits_for_most_of_the_steps() -> None:
    steps, ys, _ = curve(0, noise=0.0)
    assert choose(steps, ys, "quality", 3000).step == 1800
    assert choose(steps[:2], ys[:2], "quality", 3000).step == 200
    fast = choose([50, 100, 150, 200], [-0.1, -0.2, -0.15, -0.14], "fast", 200)
    assert fast.step >= 120


def test_statistics_against_values_worked_out_by_hand() -> None:
    assert theil_sen([0, 1, 2, 3], [0, 2, 4, 100]) == pytest.approx((2 + 100 / 3) / 2)
    assert theil_sen([0, 1, 2], [5, 3, 1]) == -2
    assert jitter([-0.1 * i for i in range(10)]) == pytest.approx(0, abs=1e-12)
    assert rising_p([1, 2, 3, 4, 5, 6]) < 0.01 < 0.9 < rising_p([6, 5, 4, 3, 2, 1])
    dice = random.Random(0)
    assert jitter([dice.gauss(0, 0.01) for _ in range(4000)]) == pytest.approx(0.01, rel=0.06)
    base = {"a": [1.0, 2.0], "b": [4.0]}
    half = {"a": [0.5, 1.0], "b": [4.0]}
    assert curve_value(half, base) == pytest.approx(math.log(0.5) / 2)


def losses(value: float, weight: str, items: int = 2) -> Any:
    item = {"window": 0, "quantile": 0.5, "sigma": 0.6, "noise": 0}
    return {"step": 0, "items": [{**item, "key": f"k{i}", "loss": {weight: value}} for i in range(items)]}


def run(root: Path, values: dict[int, float], items: int = 2) -> FakeJob:
    states = {
        f"{step:04d}": {n: json_file(root / f"{n}{step}", [n, step]) for n in ("adapter", "optimizer")}
        for step in values
    }
    inputs = {
        "base": json_file(root / "base", losses(1.0, "0", items)),
        "curve": {f"{s:04d}": json_file(root / f"loss{s}", losses(v, "1", items)) for s, v in values.items()},
        "states": states,
    }
    job = FakeJob(root / "job", {"mode": "fast", "steps": 200}, inputs)
    select.run(job)
    return job


def test_the_stage_hands_on_the_chosen_state(tmp_path: Path) -> None:
    job = run(tmp_path, {50: 0.9, 100: 0.8, 150: 0.7, 200: 0.85})
    choice = read_json(job.out / "choice.json")
    assert choice["step"] in (150, 200) and [s for s, _ in choice["curve"]] == [50, 100, 150, 200]
    assert choice["curve"][1][1] == pytest.approx(math.log(0.8), abs=1e-6)
    assert read_json(job.out / "adapter.safetensors") == ["adapter", choice["step"]]
    assert read_json(job.out / "optimizer.safetensors") == ["optimizer", choice["step"]]


def test_without_held_out_clips_the_last_is_taken_and_told(tmp_path: Path) -> None:
    choice = read_json(run(tmp_path, {50: 0.9, 100: 0.8}, items=0).out / "choice.json")
    assert choice["step"] == 100 and choice["verdict"] == "NO_DATA" and "cannot be judged" in choice["why"]
