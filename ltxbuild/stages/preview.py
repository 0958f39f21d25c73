"""A small H.264 video without sound that every browser plays; knows nothing of the report that shows it.

Input: video. Params: max_side (longer videos are scaled down to it), min_side (tiny ones are enlarged in
whole steps, pixel by pixel, so that they can be seen). Output: `preview.mp4`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from av.video.frame import VideoFrame

from ltxbuild.job import Job, StageError
from ltxbuild.stages.media.decode import Media, MediaError, frames, open_media, rate_of
from ltxbuild.stages.media.encode import write_mp4
from ltxbuild.stages.media.geometry import MPEG_RANGE
from ltxbuild.stages.media.resample import as_rate

# About 80 kB for three seconds at 512 px; main profile plays everywhere.
OPTIONS = {"crf": "26", "preset": "medium", "profile": "main"}


def run(job: Job) -> None:
    """Write preview.mp4. Raises StageError if the video cannot be decoded."""
    path: Path = job.inputs["video"].path
    params: dict[str, Any] = dict(job.params)
    try:
        sides = int(params["max_side"]), int(params.get("min_side") or 0)
        write_preview(path, job.out / "preview.mp4", *sides)
    except MediaError as error:
        raise StageError(f"the video cannot be read: {error}") from error


def write_preview(source: Path, target: Path, max_side: int, min_side: int = 0) -> None:
    """Encode a preview of the video at `source`. Raises MediaError."""
    with open_media(source) as media:
        context = media.video.codec_context
        size, filter_ = preview_size(context.width, context.height, max_side, min_side)
        rate = as_rate(rate_of(media.video))
        write_mp4(target, _scaled(media, size, filter_), rate, OPTIONS)


def preview_size(width: int, height: int, max_side: int, min_side: int) -> tuple[tuple[int, int], str]:
    """Even size of the preview and the filter that scales to it."""
    side = max(width, height)
    if side < min_side:
        times = -(-min_side // side)
        return (_even(width * times), _even(height * times)), "POINT"
    scale = min(1.0, max_side / side)
    return (_even(width * scale), _even(height * scale)), "BICUBIC"


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)


def _scaled(media: Media, size: tuple[int, int], filter_: str) -> Iterator[VideoFrame]:
    found = False
    for timed in frames(media):
        found = True
        yield timed.image.reformat(
            *size, "yuv420p", dst_color_range=MPEG_RANGE, interpolation=filter_, threads=1
        )
    if not found:
        raise MediaError("no frame of it can be decoded")
