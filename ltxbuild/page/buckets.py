"""What training sees of each clip: a table of buckets, the crop drawn over the strip, the windows as a bar.

Knows fits and buckets as ltxbuild.stages.fit and ltxbuild.stages.bucket write them, no clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from ltxbuild.page.media import Media

BAR = 400  # width of the bar's own units; the page scales it
THICK = 10


@dataclass(frozen=True)
class Row:
    """One bucket, and how many clips and windows are in it."""

    width: int
    height: int
    frames: int
    tokens: int
    clips: int
    windows: int


def table(clips: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The buckets that clips are in, the costliest first; clips without windows are in none."""
    found: dict[tuple[int, int, int, int], list[int]] = {}
    for clip in clips:
        bucket = clip.get("bucket")
        if bucket and bucket["windows"]:
            key = bucket["tokens"], bucket["frames"], bucket["width"], bucket["height"]
            found.setdefault(key, []).append(len(bucket["windows"]))
    return [
        Row(w, h, n, tokens, len(c), sum(c)) for (tokens, n, w, h), c in sorted(found.items(), reverse=True)
    ]


def crop_picture(clip: Mapping[str, Any], media: Media) -> Markup:
    """The strip of a clip in two rows, with what the crop removes darkened; nothing without strip or bucket."""
    name = f"strip:{clip['name']}"
    fit, bucket = clip.get("fit"), clip.get("bucket")
    if not fit or not bucket or not media.has(name):
        return Markup("")
    width, height, count = fit["width"], fit["height"], fit["pictures"]
    columns = -(-count // 2) if count > 3 else count
    rows = -(-count // columns)
    shown = Markup("").join(
        Markup('<svg y="{}" width="{}" height="{}" viewBox="{} 0 {} {}">{}</svg>').format(
            row * height,
            columns * width,
            height,
            row * columns * width,
            columns * width,
            height,
            media.drawn(name, width * count, height),
        )
        for row in range(rows)
    )
    places = [(i % columns * width, i // columns * height) for i in range(count)]
    return Markup('<svg class="strip crop" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        columns * width,
        rows * height,
        f"frames of {clip['name']} with the crop",
        shown,
        _crops(fit, bucket, places) if bucket.get("placed", True) else "",
    )


def _crops(fit: Mapping[str, Any], bucket: Mapping[str, Any], places: Sequence[tuple[int, int]]) -> Markup:
    """What is removed as one dark shape with holes, what is kept as frames, for pictures at `places`."""
    x, y, w, h = kept(fit, bucket)
    wide, high = fit["width"], fit["height"]
    dark = "".join(
        f"M{a} {b}h{wide}v{high}h-{wide}zM{a + x:.1f} {b + y:.1f}v{h:.1f}h{w:.1f}v-{h:.1f}z"
        for a, b in places
    )
    edge = max(wide, high) / 120
    frames = "".join(
        f'<rect class="kept" x="{a + x:.1f}" y="{b + y:.1f}" width="{w:.1f}" height="{h:.1f}" stroke-width="{edge:.1f}"/>'
        for a, b in places
    )
    return Markup(f'<path class="cut" fill-rule="evenodd" d="{dark}"/>{frames}')  # noqa: S704 numbers alone


def kept(fit: Mapping[str, Any], bucket: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Corner and size of what is kept, in pixels of the clip as it is cropped."""
    crop = bucket["crop"]
    across, down = fit["width"] / crop["scale_w"], fit["height"] / crop["scale_h"]
    return crop["x"] * across, crop["y"] * down, bucket["width"] * across, bucket["height"] * down


def windows(fit: Mapping[str, Any], bucket: Mapping[str, Any]) -> list[tuple[float, float]]:
    """The seconds of the file that each window shows."""
    start, rate = float(fit["start"] or 0), float(fit["fps"])
    return [(start + first / rate, start + (first + bucket["frames"]) / rate) for first in bucket["windows"]]


def bar(clip: Mapping[str, Any]) -> Markup:
    """The seconds of the file: what `start` and `end` leave out, the windows, what no window uses; none for a still."""
    fit, bucket = clip.get("fit"), clip.get("bucket")
    if not fit or not bucket or not fit["seconds"]:
        return Markup("")
    scale = BAR / fit["seconds"]
    parts = [f'<rect class="out" width="{BAR}" height="{THICK}" rx="2"/>']
    parts.append(_piece("idle", fit["start"] * scale, fit["end"] * scale, 0))
    # Every other window a little lower, so that one can be told from the next where they overlap.
    parts += [
        _piece("used", a * scale, min(b * scale, BAR), i % 2) for i, (a, b) in enumerate(windows(fit, bucket))
    ]
    return Markup('<svg class="seconds" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        BAR,
        THICK + 2,
        "; ".join(words(clip)),
        Markup("".join(parts)),  # noqa: S704 numbers alone
    )


def _piece(kind: str, left: float, right: float, lower: int) -> str:
    wide = max(0.0, right - left)
    return f'<rect class="{kind}" x="{left:.2f}" y="{2 * lower}" width="{wide:.2f}" height="{THICK}" rx="2"/>'


def words(clip: Mapping[str, Any]) -> list[str]:
    """What is cropped, enlarged, used and dropped, each in a few words."""
    fit, bucket = clip.get("fit"), clip.get("bucket")
    if not fit or not bucket:
        return []
    return [*_picture_words(fit, bucket), *_time_words(fit, bucket)]


def _picture_words(fit: Mapping[str, Any], bucket: Mapping[str, Any]) -> list[str]:
    said = []
    if not bucket.get("placed", True) and bucket["crop_loss"] > 0.005:
        said.append(f"cut off: {bucket['crop_loss']:.1%}, once the subject is found".replace("%", " %"))
    elif bucket["crop_loss"] > 0.005:
        x, y, w, h = kept(fit, bucket)
        left, right = x / fit["width"], 1 - (x + w) / fit["width"]
        top, bottom = y / fit["height"], 1 - (y + h) / fit["height"]
        sides = {"left": left, "right": right, "top": top, "bottom": bottom}
        parts = [f"{share:.1%} {side}".replace("%", " %") for side, share in sides.items() if share > 0.002]
        said.append(f"cut off: {', '.join(parts)}")
    else:
        said.append("whole picture")
    if "about" in bucket and bucket.get("placed", True):
        said.append(
            "cut around the subject" if bucket["about"] else "cut around the centre: no subject was found"
        )
    if bucket["upscale"] > 1.005:
        said.append(f"enlarged {bucket['upscale']:.2f} times")
    return said


def _time_words(fit: Mapping[str, Any], bucket: Mapping[str, Any]) -> list[str]:
    if not fit["seconds"]:
        return ["a still: one frame"]
    if not bucket["windows"]:
        return [str(bucket.get("error", "no window"))]
    spans: Sequence[tuple[float, float]] = windows(fit, bucket)
    many = f"{len(spans)} windows" if len(spans) > 1 else "1 window"
    said = [f"{many} of {bucket['frames']} frames, {bucket['frames'] / fit['fps']:.2f} s"]
    overlap = sum(max(0.0, a[1] - b[0]) for a, b in pairwise(spans))
    if overlap > 0.005:
        said.append(f"{overlap:.2f} s stand in two of them")
    for lost, what in (
        (fit["start"], "before `start`"),
        (fit["seconds"] - fit["end"], "after `end`"),
        (fit["end"] - spans[-1][1], "used by no window"),
    ):
        if lost > 0.5 / fit["fps"]:
            said.append(f"dropped: {lost:.2f} s {what}")
    return said
