"""The bucket of a clip: within budget, on the ladder, no frame dropped."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.job import StageError
from ltxbuild.stages.bucket import Ladder, choose_bucket, place_of_subject, place_windows
from tests.fake_job import json_file
from tests.stages_media.footage import run_stage

LARGE = Ladder(
    ((768, 512), (512, 768), (960, 544), (544, 960), (640, 640), (512, 320), (320, 512)),
    (1, 33, 41, 57, 73, 89, 113),
    4096,
    32,
    8,
)
SMALL = Ladder(((64, 64), (96, 64), (64, 96)), (1, 9, 17), 120, 16, 4)


@given(
    ladder=st.sampled_from([LARGE, SMALL]),
    width=st.integers(16, 4096),
    height=st.integers(16, 4096),
    count=st.integers(1, 2000),
)
def test_any_video(ladder: Ladder, width: int, height: int, count: int) -> None:
    bucket: Any = choose_bucket(width, height, count, ladder)
    shape = bucket["width"], bucket["height"]
    assert shape in ladder.shapes
    crop = bucket["crop"]
    assert 0 <= crop["x"] <= crop["scale_w"] - shape[0]
    assert 0 <= crop["y"] <= crop["scale_h"] - shape[1]
    assert crop["scale_w"] == shape[0] or crop["scale_h"] == shape[1]
    assert 0 <= bucket["crop_loss"] < 1
    shortest = min(n for n in ladder.frames if n > 1)
    if 1 < count < shortest:
        assert bucket["windows"] == []
        assert "fewer than the smallest bucket" in bucket["error"]
        return
    length = bucket["frames"]
    assert "error" not in bucket
    assert length in ladder.frames
    assert ladder.tokens(*shape, length) == bucket["tokens"] <= ladder.budget
    covered = {frame for start in bucket["windows"] for frame in range(start, start + length)}
    assert covered == set(range(count))
    assert len(bucket["windows"]) == -(-count // length)
    longer = [n for n in ladder.frames if length < n <= count]
    assert count == 1 or all(ladder.tokens(*shape, n) > ladder.budget for n in longer)


@given(count=st.integers(1, 5000), length=st.integers(1, 200))
def test_windows_are_even(count: int, length: int) -> None:
    if count < length:
        return
    windows = list(place_windows(count, length))
    steps = [b - a for a, b in pairwise(windows)]
    assert windows[0] == 0
    assert windows[-1] == count - length
    assert not steps or max(steps) - min(steps) <= 1
    assert all(0 < step <= length for step in steps)


def test_known_cases() -> None:
    wide: Any = choose_bucket(1920, 1080, 120, LARGE)
    assert (wide["width"], wide["height"], wide["frames"]) == (960, 544, 57)
    assert wide["windows"] == [0, 32, 63]
    photo: Any = choose_bucket(1500, 1000, 73, LARGE)
    assert (photo["width"], photo["height"], photo["frames"], photo["windows"]) == (768, 512, 73, [0])
    still: Any = choose_bucket(1000, 1500, 1, LARGE)
    assert (still["width"], still["height"], still["frames"], still["windows"]) == (512, 768, 1, [0])
    tiny: Any = choose_bucket(960, 540, 72, SMALL)
    assert (tiny["width"], tiny["height"], tiny["frames"]) == (96, 64, 17)
    assert tiny["windows"] == [0, 14, 28, 41, 55]


def test_a_clip_of_two_or_five_seconds_fits() -> None:
    assert choose_bucket(512, 320, 48, LARGE)["frames"] == 41
    assert choose_bucket(512, 320, 121, LARGE)["frames"] == 113


@pytest.mark.parametrize(
    ("size", "side", "corner"),
    [
        ((1000, 500), "centre", (96, 0)),
        ((1000, 500), "left", (0, 0)),
        ((1000, 500), "right", (192, 0)),
        ((1000, 500), "top", (96, 0)),  # nothing is cut there: lint says so
        ((500, 1000), "top", (0, 0)),
        ((500, 1000), "bottom", (0, 192)),
        ((500, 1000), "right", (0, 96)),
    ],
)
def test_the_side_that_is_kept(size: tuple[int, int], side: str, corner: tuple[int, int]) -> None:
    ladder = Ladder(((768, 480), (480, 768)), (1, 33), 4096, 32, 8)
    bucket: Any = choose_bucket(*size, 40, ladder, side)
    assert (bucket["crop"]["x"], bucket["crop"]["y"]) == corner
    assert {**bucket, "crop": None} == {**choose_bucket(*size, 40, ladder), "crop": None}


def test_a_budget_for_nothing_is_explained() -> None:
    with pytest.raises(StageError, match="fits a budget of 5 tokens"):
        choose_bucket(100, 100, 50, Ladder(((64, 64),), (1, 9), 5, 16, 4))


def test_the_stage(tmp_path: Path) -> None:
    facts = json_file(tmp_path / "facts.json", {"width": 96, "height": 64, "frames": 24})
    params = {
        "shapes": [[64, 64], [96, 64]], "frames": [1, 9, 17], "budget": 120, "grid": 32, "spatial": 16,
        "temporal": 4,
    }  # fmt: skip
    bucket = run_stage("bucket", tmp_path, params, facts=facts).json("bucket.json")
    assert bucket["windows"] == [0, 7]
    assert bucket["crop"] == {"scale_w": 96, "scale_h": 64, "x": 0, "y": 0}
    assert bucket["tokens"] == 120


@given(
    width=st.integers(16, 4096),
    height=st.integers(16, 4096),
    about=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_crop_about_a_place_is_as_near_to_it_as_the_edges_allow(
    width: int, height: int, about: tuple[float, float]
) -> None:
    bucket: Any = choose_bucket(width, height, 33, LARGE, "subject", about)
    crop, shape = bucket["crop"], (bucket["width"], bucket["height"])
    for i, (corner, scaled) in enumerate(((crop["x"], crop["scale_w"]), (crop["y"], crop["scale_h"]))):
        most = scaled - shape[i]
        assert 0 <= corner <= most
        off = abs(corner + shape[i] / 2 - about[i] * scaled)
        assert all(off <= abs(other + shape[i] / 2 - about[i] * scaled) for other in (0, most, most // 2))
    assert bucket["about"] == [*about]


def test_the_place_of_a_subject_is_the_median_over_the_pictures_that_show_it() -> None:
    def seen(*boxes: list[list[float]]) -> dict[str, Any]:
        return {"pictures": [{"time": 0.0, "boxes": found} for found in boxes]}

    left, middle, right = [0.0, 0.2, 0.2, 0.6, 0.9], [0.4, 0.2, 0.6, 0.6, 0.8], [0.8, 0.0, 1.0, 0.2, 0.9]
    assert place_of_subject(seen([left], [], [middle, right], [right])) == (0.5, 0.4)
    assert place_of_subject(seen([], [])) is None
    bucket: Any = choose_bucket(1000, 500, 33, LARGE, "subject", None)
    assert bucket["about"] is None
    assert bucket["crop"] == choose_bucket(1000, 500, 33, LARGE)["crop"]
