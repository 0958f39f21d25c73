"""The shape and windows in which a clip is trained; depends on this clip and the ladders alone, so no clip
moves another.

Input: facts. Params: shapes [[w, h], ...], frames [n, ...], budget (tokens), grid (pixels), spatial and
temporal (the VAE's factors), crop (optional: left, centre, right, top or bottom, the side that is kept, or subject: then
the input subject says where that is).
Output `bucket.json`: {"width", "height", "frames", "windows": [first frame, ...], "crop": {"scale_w",
"scale_h", "x", "y"}, "unused": [[a, b], ...], "crop_loss", "upscale", "tokens"}; a clip shorter than the
shortest window has no windows and an "error". A crop on the subject has "about": [x, y] in shares of the picture, null
where none was found: then the centre is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ltxbuild.job import Job, JsonDict, StageError, read_json, write_json

Point = tuple[float, float]


@dataclass(frozen=True)
class Ladder:
    """The fixed shapes and lengths to choose from, and what one sample may cost in tokens."""

    shapes: tuple[tuple[int, int], ...]
    frames: tuple[int, ...]
    budget: int
    spatial: int
    temporal: int

    def tokens(self, width: int, height: int, frames: int) -> int:
        """Latent positions of a sample: ((F - 1) / temporal + 1) * H / spatial * W / spatial."""
        return ((frames - 1) // self.temporal + 1) * (height // self.spatial) * (width // self.spatial)


@dataclass(frozen=True)
class Crop:
    """Scale the video to `scale_w` x `scale_h`, then cut the bucket out at (x, y)."""

    scale_w: int
    scale_h: int
    x: int
    y: int


def run(job: Job) -> None:
    """Write bucket.json. Raises StageError if no shape of the ladder fits the budget."""
    facts: dict[str, Any] = read_json(job.inputs["facts"].path)
    params: dict[str, Any] = dict(job.params)
    side = str(params.get("crop") or "centre")
    about = place_of_subject(read_json(job.inputs["subject"].path)) if side == "subject" else None
    bucket = choose_bucket(facts["width"], facts["height"], facts["frames"], ladder_of(params), side, about)
    write_json(job.out / "bucket.json", bucket)


def ladder_of(params: Mapping[str, Any]) -> Ladder:
    """The ladder that a stage's parameters hold."""
    return Ladder(
        tuple((int(w), int(h)) for w, h in params["shapes"]),
        tuple(int(n) for n in params["frames"]),
        int(params["budget"]),
        int(params["spatial"]),
        int(params["temporal"]),
    )


def place_of_subject(seen: Mapping[str, Any]) -> Point | None:
    """The middle of the surest box, the median over the pictures that have one; None without any."""
    best = [picture["boxes"][0] for picture in seen["pictures"] if picture["boxes"]]
    if not best:
        return None
    x, y = (median((box[i] + box[i + 2]) / 2 for box in best) for i in (0, 1))
    return round(x, 4), round(y, 4)


def choose_bucket(
    width: int, height: int, count: int, ladder: Ladder, side: str = "centre", about: Point | None = None
) -> JsonDict:
    """The bucket of a video of `count` frames, cropped so that `side` is kept, or `about` stands in the middle.

    Raises StageError if the budget holds no shape at all.
    """
    shortest = min((n for n in ladder.frames if n > 1), default=1)
    shape = choose_shape(width, height, 1 if count == 1 else shortest, ladder)
    length = choose_length(count, shape, ladder)
    crop = crop_to(width, height, shape, side, about)
    windows = place_windows(count, length) if length else []
    bucket: JsonDict = {
        "width": shape[0],
        "height": shape[1],
        "frames": length,
        "windows": [*windows],
        "crop": {"scale_w": crop.scale_w, "scale_h": crop.scale_h, "x": crop.x, "y": crop.y},
        "unused": [] if windows else [[0, count]],
        "crop_loss": round(1 - shape[0] * shape[1] / (crop.scale_w * crop.scale_h), 6),
        "upscale": round(max(crop.scale_w / width, crop.scale_h / height), 6),
        "tokens": ladder.tokens(*shape, length) if length else 0,
    }
    if side == "subject":
        bucket["about"] = None if about is None else [*about]
    if not length:
        bucket["error"] = f"{count} frames are fewer than the smallest bucket ({shortest} frames)"
    return bucket


def choose_shape(width: int, height: int, length: int, ladder: Ladder) -> tuple[int, int]:
    """Among the shapes within the budget the one closest in aspect (by log ratio), and of these the largest.

    `length` is the shortest that the clip may get. Raises StageError if no shape is within the budget.
    """
    affordable = [s for s in ladder.shapes if ladder.tokens(*s, length) <= ladder.budget]
    if not affordable:
        raise StageError(f"no shape with {length} frames fits a budget of {ladder.budget} tokens")

    def distance(shape: tuple[int, int]) -> tuple[float, int]:
        off = abs(math.log(width / height) - math.log(shape[0] / shape[1]))
        return round(off, 6), -shape[0] * shape[1]

    return min(affordable, key=distance)


def choose_length(count: int, shape: tuple[int, int], ladder: Ladder) -> int:
    """Frames of a window: the longest that clip and budget hold; 1 for a still; 0 if it is too short."""
    if count == 1:
        return 1
    fitting = (n for n in ladder.frames if 1 < n <= count and ladder.tokens(*shape, n) <= ladder.budget)
    return max(fitting, default=0)


def crop_to(
    width: int, height: int, shape: tuple[int, int], side: str = "centre", about: Point | None = None
) -> Crop:
    """Scale until the shape is covered, then cut it out at `side` (left, right, top, bottom, else the centre), or so that
    `about` is as near to its middle as the picture's edges allow.
    """
    scale = max(shape[0] / width, shape[1] / height)
    scaled = max(shape[0], round(width * scale)), max(shape[1], round(height * scale))
    spare = scaled[0] - shape[0], scaled[1] - shape[1]
    if about is not None:
        corner = (round(about[i] * scaled[i] - shape[i] / 2) for i in (0, 1))
        x, y = (min(max(0, place), most) for place, most in zip(corner, spare, strict=True))
        return Crop(scaled[0], scaled[1], x, y)
    x = {"left": 0, "right": spare[0]}.get(side, spare[0] // 2)
    y = {"top": 0, "bottom": spare[1]}.get(side, spare[1] // 2)
    return Crop(scaled[0], scaled[1], x, y)


def place_windows(count: int, length: int) -> Sequence[int]:
    """First frames of the fewest windows that cover all `count` frames, evenly spread, overlapping where need
    be.
    """
    number = math.ceil(count / length)
    if number == 1:
        return [0]
    return [round(i * (count - length) / (number - 1)) for i in range(number)]


def beside(bucket: Mapping[str, Any], facts: Mapping[str, Any], scale: int, side: str) -> JsonDict:
    """The bucket of a reference shown beside a clip of `bucket`: `scale` times smaller, cropped from its own picture."""
    shape = int(bucket["width"]) // scale, int(bucket["height"]) // scale
    crop = crop_to(int(facts["width"]), int(facts["height"]), shape, side)
    return {
        "width": shape[0],
        "height": shape[1],
        "frames": bucket["frames"],
        "windows": bucket["windows"],
        "crop": {"scale_w": crop.scale_w, "scale_h": crop.scale_h, "x": crop.x, "y": crop.y},
    }


def one_window(size: Mapping[str, Any], count: int) -> JsonDict:
    """A window from the first frame: `size` with as many of its frames as a video of `count` has."""
    step = int(size["temporal"])
    frames = (min(int(size["frames"]), count) - 1) // step * step + 1
    return {"width": size["width"], "height": size["height"], "frames": frames, "windows": [0]}
