"""Which source frame stands at which instant: by time, without drift."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.stages.media.resample import Grid, as_rate, resample


def choose(
    times: list[float], fps: int = 24, start: float = 0.0, end: float | None = None, last: float | None = None
) -> list[int]:
    gaps = [b - a for a, b in pairwise(times)]
    gaps.append(last or (gaps[-1] if gaps else 1 / fps))
    stamped = [(t, d, i) for i, (t, d) in enumerate(zip(times, gaps, strict=True))]
    return list(resample(stamped, Grid(Fraction(fps), start, end)))


@pytest.mark.parametrize("rate", [24, 25, 29.97, 30, 48, 50, 59.94, 60, 120])
def test_constant_rates_take_the_nearest_frame_to_the_end(rate: float) -> None:
    times = [i / rate for i in range(round(rate * 20))]
    chosen = choose(times)
    assert abs(len(chosen) - 480) <= 1
    for k, i in enumerate(chosen):
        assert abs(times[i] - k / 24) <= 0.5 / rate + 1e-5


def test_what_has_the_rate_already_is_unchanged() -> None:
    assert choose([i / 24 for i in range(500)]) == list(range(500))
    assert choose([5 + i / 24 + (0.003 if i % 2 else 0) for i in range(100)]) == list(range(100))


def test_a_held_picture_stays_until_the_next_one() -> None:
    chosen = choose([0.0, 2.0], last=1.0)
    assert len(chosen) == 72
    assert chosen.index(1) == 48


def test_no_frame_from_before_start_or_from_end_on() -> None:
    times = [i / 24 for i in range(72)]
    for start in (0.71, 0.7291, 0.74, 0.75, 0.76):
        first = choose(times, start=start)[0]
        assert times[first] >= start - 1e-6
        assert times[first] - start < 1 / 24
    for end in (2.03, 2.04, 2.0416, 2.05):
        assert times[choose(times, end=end)[-1]] < end
    assert choose(times, start=1.0, end=2.0) == list(range(24, 48))


def test_a_held_picture_fills_the_time_after_start() -> None:
    assert choose([0.0, 2.0], start=1.0, last=1.0) == [0] * 24 + [1] * 24


def test_nothing_behind_the_end() -> None:
    assert choose([0.0, 0.5], start=9.0) == []
    assert list(resample([], Grid(Fraction(24)))) == []


@given(
    gaps=st.lists(st.floats(0.001, 0.4), min_size=1, max_size=60),
    start=st.floats(0, 2),
    length=st.none() | st.floats(0.1, 3),
)
def test_any_times(gaps: list[float], start: float, length: float | None) -> None:
    times = list(accumulate(gaps, initial=0.0))
    end = None if length is None else start + length
    grid = Grid(Fraction(24), start, end)
    stamped = [(t + 7, 0.05, i) for i, t in enumerate(times)]
    chosen = list(resample(stamped, grid))
    close = times[-1] + 0.05
    if start >= close:
        assert chosen == []
        return
    assert grid.base is not None and start - 1e-6 <= grid.base
    total = min(close, end or close) - grid.base
    assert abs(len(chosen) - max(1, total * 24)) <= 1
    assert chosen == sorted(chosen)
    for k, i in enumerate(chosen):
        instant = grid.base + k / 24
        shown = max((j for j, t in enumerate(times) if t <= instant + 1e-5), default=0)
        assert i == shown or abs(times[i] - instant) <= 0.5 / 24 + 1e-5


def test_rates() -> None:
    assert as_rate(24) == 24
    assert as_rate(29.97) == Fraction(30000, 1001)
    assert as_rate(23.976) == Fraction(24000, 1001)
    assert as_rate(12.5) == Fraction(25, 2)
