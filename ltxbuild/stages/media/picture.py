"""A decoded frame as a small upright RGB picture. Knows no files and judges nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from ltxbuild.stages.media.geometry import Orientation, shape_of
from ltxbuild.stages.media.measures import Picture


def orientation_in(probe: dict[str, Any]) -> Orientation:
    """How the frames of a probed file are turned upright."""
    return Orientation(probe["rotation"], probe["mirrored"])


def small_size(probe: dict[str, Any], side: int) -> tuple[int, int]:
    """Stored width and height scaled, with square pixels, so that the longer side is `side` at most."""
    return fitted(
        shape_of(probe["width"], probe["height"], tuple(probe["sar"]), orientation_in(probe)).scaled, side
    )


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height scaled, never up, so that the longer side is `side` at most."""
    scale = min(1.0, side / max(size))
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))


def small_picture(frame: VideoFrame, size: tuple[int, int], orientation: Orientation) -> Picture:
    """The frame at `size` (as stored), then turned: [height, width, 3] RGB."""
    small = frame.reformat(*size, "rgb24", interpolation="AREA", threads=1)
    picture: Any = small.to_ndarray()
    if orientation.mirrored:
        picture = picture[:, ::-1]
    return np.ascontiguousarray(np.rot90(picture, -orientation.clockwise // 90))
