"""The distribution of noise levels against numbers from elsewhere."""

from __future__ import annotations

import itertools

import pytest
import torch

from ltxbuild.model.sigmas import cumulative, draw, draw_between, draw_mixed, quantile, shift

DISTILLED = [1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875]


@pytest.mark.parametrize(("tokens", "median"), [(1024, 0.668), (2688, 0.757), (4096, 0.812), (6144, 0.863)])
def test_medians_are_those_of_the_official_trainer(tokens: int, median: float) -> None:
    assert quantile(0.5, tokens) == pytest.approx(median, abs=1.5e-3)


@pytest.mark.parametrize(
    ("size", "sigmas"),
    [
        ((16, 10, 7), [0.28, 0.52, 0.67, 0.79, 0.91]),
        ((30, 17, 7), [0.40, 0.67, 0.79, 0.88, 0.95]),
        ((30, 17, 16), [0.53, 0.80, 0.89, 0.94, 0.97]),
    ],
)
def test_quantiles_of_common_sizes(size: tuple[int, int, int], sigmas: list[float]) -> None:
    tokens = size[0] * size[1] * size[2]
    found = [quantile(q, tokens) for q in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert found == pytest.approx(sigmas, abs=0.011)


@pytest.mark.parametrize("tokens", [48, 1024, 4096])
def test_draws_follow_the_formula_of_the_quantiles(tokens: int) -> None:
    sigmas = draw(torch.Generator().manual_seed(0), 200_000, tokens)
    assert float(sigmas.min()) >= 1e-3 and float(sigmas.max()) <= 1
    for q in (0.02, 0.1, 0.5, 0.9, 0.98):
        assert cumulative(quantile(q, tokens), tokens) == pytest.approx(q, abs=1e-5)
        assert float((sigmas <= quantile(q, tokens)).float().mean()) == pytest.approx(q, abs=4e-3)


def test_the_shift_is_extrapolated() -> None:
    assert shift(1024) == pytest.approx(0.95)
    assert shift(4096) == pytest.approx(2.05)
    assert shift(7168) == pytest.approx(3.15)


def test_distilled_intervals_count_by_their_width() -> None:
    sigmas = draw_between(torch.Generator().manual_seed(0), 100_000, DISTILLED)
    for high, low in itertools.pairwise(DISTILLED):
        share = float(((sigmas > low) & (sigmas <= high)).float().mean())
        assert share == pytest.approx((high - low) / (1 - 0.421875), abs=0.01)
    mixed = draw_mixed(torch.Generator().manual_seed(0), 100_000, 1024, DISTILLED)
    below = 0.5 * cumulative(0.421875, 1024)
    assert float((mixed <= 0.421875).float().mean()) == pytest.approx(below, abs=0.01)
