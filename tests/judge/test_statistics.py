"""The tests' own error rates, where the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltxbuild.job import dump_json
from ltxbuild.stages.judge.best_weight import best_weight
from ltxbuild.stages.judge.holm import holm
from ltxbuild.stages.judge.losses import Losses
from ltxbuild.stages.judge.ranks import p_smaller
from ltxbuild.stages.judge.signflip import interval, p_greater


@pytest.mark.parametrize(("n", "least"), [(4, 1 / 16), (5, 1 / 32), (7, 1 / 128), (8, 1 / 256)])
def test_the_least_p_is_two_to_the_minus_n(n: int, least: float) -> None:
    assert p_greater([0.1 * (i + 1) for i in range(n)]) == least


def test_all_zero_effects_are_no_evidence() -> None:
    assert p_greater([0.0] * 8) == 1.0
    assert (interval([0.0] * 8).low, interval([0.0] * 8).high) == (0.0, 0.0)


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [math.inf, 1.0]])
def test_what_is_no_number_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError):
        p_greater(bad)
    with pytest.raises(ValueError):
        interval(bad)


@pytest.mark.parametrize("n", [5, 8])
def test_false_positives_stay_below_the_level(n: int) -> None:
    rng = np.random.default_rng(1)
    hits = sum(p_greater(list(rng.standard_t(3, n))) <= 0.05 for _ in range(2000))
    assert hits / 2000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    spans = [interval(list(rng.normal(0.3, 1, 8))) for _ in range(1000)]
    assert 0.93 <= sum(s.low <= 0.3 <= s.high for s in spans) / 1000 <= 0.975
    assert interval([1.0, 2, 3, 4, 5]).level == 0.9375
    assert interval([1.0, 2, 3, 4, 5, 6]).level > 0.95


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1).filter(lambda x: abs(x) > 1e-3), min_size=6, max_size=10))
def test_interval_and_test_agree(differences: list[float]) -> None:
    span = interval(differences)
    if span.low > 1e-9:
        assert p_greater(differences) <= 0.05


def test_many_prompts_use_random_patterns_that_repeat() -> None:
    d = list(np.random.default_rng(3).normal(1, 1, 30))
    assert p_greater(d) == p_greater(d) < 0.001


def test_holm_by_hand_and_with_missing_tests() -> None:
    assert holm({"a": 0.01, "b": 0.02, "c": 0.04, "d": 0.03}, 4) == pytest.approx(
        {"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.06}
    )
    assert holm({"a": 0.01, "b": None}, 4) == {"a": 0.04, "b": None}
    assert holm({"a": 0.9, "b": 0.8}, 4)["a"] == 1.0
    with pytest.raises(ValueError):
        holm({"a": 0.1, "b": 0.1}, 1)


def test_holm_keeps_the_error_of_the_family() -> None:
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(1000):
        ps: dict[str, float | None] = {str(i): p_greater(list(rng.normal(0, 1, 8))) for i in range(4)}
        wrong += any(p is not None and p <= 0.05 for p in holm(ps, 4).values())
    assert wrong / 1000 <= 0.07


def test_mann_whitney_against_counting() -> None:
    assert p_smaller([1, 2], [3, 4, 5]) == pytest.approx(1 / 10)
    assert p_smaller([1, 4], [3, 5, 6]) == pytest.approx(2 / 10)
    assert p_smaller([9, 9.5], [1, 2, 3]) == 1.0
    rng = np.random.default_rng(5)
    hits = sum(p_smaller(list(rng.random(8)), list(rng.random(12))) <= 0.05 for _ in range(1000))
    assert hits / 1000 <= 0.07
    with pytest.raises(ValueError):
        p_smaller([], [1.0])


@pytest.mark.parametrize("slope", [-0.1, 0.1])
def test_a_best_weight_at_either_edge_can_be_written(slope: float) -> None:
    weights = (0.0, 0.25, 0.5, 0.75, 1.0)
    losses: Losses = {(f"c{n}", 0, 0.5, 0): {w: 1 + slope * w for w in weights} for n in range(4)}
    found = best_weight(losses)
    assert found is not None
    assert dump_json(found.at_edge) == b"true"
