"""What the pages say of buckets: numbers of clips and windows, what is cut off, which seconds are used."""

from __future__ import annotations

from typing import Any

import pytest

from ltxbuild.page.buckets import bar, crop_picture, kept, table, windows, words
from ltxbuild.page.media import Media
from ltxbuild.stages.bucket import Ladder, choose_bucket
from ltxbuild.stages.fit import PICTURES, fit_of
from ltxbuild.stages.media import strip

LADDER = Ladder(((96, 64), (64, 96), (64, 64)), (1, 25), 200, 16, 4)


def clip(name: str, size: tuple[int, int], frames: int, side: str = "centre", **probe: Any) -> dict[str, Any]:
    """A clip of `frames` at 24 per second, from 1 s on, in a file of 10 s."""
    seen = {"error": None, "kind": "video", "duration": 10.0, **probe}
    scan = {"error": None, "frames": frames, "duration": frames / 24}
    fit = fit_of(size, 24.0, seen, scan, 1.0 if seen["kind"] == "video" else None)
    return {"name": name, "fit": fit, "bucket": choose_bucket(*size, frames, LADDER, side)}


CLIPS = [
    clip("wide", (250, 100), 60),
    clip("photo", (150, 100), 25),
    clip("tall", (100, 200), 36, "top"),
    clip("still", (100, 100), 1, kind="image", duration=0.0),
    clip("short", (96, 64), 9),
    {"name": "broken", "fit": None, "bucket": None},
]
BY_NAME = {one["name"]: one for one in CLIPS}


def test_the_table_counts_clips_and_windows() -> None:
    rows = [(r.width, r.height, r.frames, r.tokens, r.clips, r.windows) for r in table(CLIPS)]
    assert rows == [(96, 64, 25, 168, 2, 4), (64, 96, 25, 168, 1, 2), (64, 64, 1, 16, 1, 1)]


def test_what_is_cut_off_in_words() -> None:
    assert words(BY_NAME["wide"])[0] == "cut off: 20.0 % left, 20.0 % right"
    assert words(BY_NAME["tall"])[0] == "cut off: 25.0 % bottom"
    assert words(BY_NAME["photo"])[0] == "whole picture"
    assert words(BY_NAME["still"]) == ["whole picture", "a still: one frame"]
    assert words(BY_NAME["broken"]) == []


def test_which_seconds_are_used() -> None:
    wide = BY_NAME["wide"]
    assert windows(wide["fit"], wide["bucket"])[0] == pytest.approx((1.0, 1 + 25 / 24))
    assert windows(wide["fit"], wide["bucket"])[-1][1] == pytest.approx(3.5)
    assert words(wide)[1:] == [
        "3 windows of 25 frames, 1.04 s",
        "0.63 s stand in two of them",
        "dropped: 1.00 s before `start`",
        "dropped: 6.50 s after `end`",
    ]
    assert bar(wide).count('class="used"') == 3
    assert bar(BY_NAME["still"]) == bar(BY_NAME["broken"]) == ""
    assert words(BY_NAME["short"])[-1] == "9 frames are fewer than the smallest bucket (25 frames)"


def test_the_crop_is_drawn_over_each_picture_of_the_strip() -> None:
    media = Media({"strip:wide": b"jpg", "strip:broken": b"jpg"})
    drawn = crop_picture(BY_NAME["wide"], media)
    assert drawn.count('class="kept"') == 6 and 'viewBox="0 0 750 200"' in drawn
    assert drawn.count("data:image/jpeg") == 1, "the bytes stand there once"
    assert 'x="800.0"' not in drawn and 'x="550.0" y="100.0"' in drawn
    assert kept(BY_NAME["wide"]["fit"], BY_NAME["wide"]["bucket"]) == pytest.approx((50, 0, 150, 100))
    assert 'x="50.0" y="0.0" width="150.0" height="100.0"' in drawn
    assert crop_picture(BY_NAME["tall"], media) == "", "it has no strip"
    assert crop_picture(BY_NAME["broken"], media) == ""


def test_a_strip_has_so_many_pictures() -> None:
    assert PICTURES == strip.PICTURES
    assert BY_NAME["still"]["fit"]["pictures"] == 1
