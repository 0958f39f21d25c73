"""A row of small pictures of one clip as a JPEG; knows nothing of how they were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import VideoFrame

from ltxbuild.stages.media.measures import Picture

PICTURES = 6
_KEPT = 96


def middles(length: int, count: int) -> list[int]:
    """Numbers of `count` pictures from the middles of equal parts of `length`; fewer if there are fewer."""
    number = min(count, length)
    return [int((i + 0.5) * length / number) for i in range(number)]


class Sampler:
    """Keeps evenly spaced pictures of a stream of unknown length, fewer than `most` of them."""

    def __init__(self, most: int = _KEPT) -> None:
        self._kept: list[Picture] = []
        self._most = most
        self._stride = 1
        self._seen = 0

    def add(self, picture: Picture) -> None:
        """Offer the next picture."""
        if self._seen % self._stride == 0:
            self._kept.append(picture)
            if len(self._kept) >= self._most:
                self._kept = self._kept[::2]
                self._stride *= 2
        self._seen += 1

    def spread(self, count: int = PICTURES) -> list[Picture]:
        """`count` pictures from the middles of equal parts; fewer if fewer were seen."""
        return [self._kept[place] for place in middles(len(self._kept), count)]

    def before(self, index: int) -> Picture:
        """The last picture kept up to the one of that number."""
        return self._kept[max(0, min(index // self._stride, len(self._kept) - 1))]

    def after(self, index: int) -> Picture:
        """The first picture kept from the one of that number on."""
        return self._kept[max(0, min(-(-index // self._stride), len(self._kept) - 1))]


def write_strip(path: Path, pictures: Sequence[Picture]) -> None:
    """Write the pictures side by side; a grey field when there is none."""
    row = np.concatenate(pictures, axis=1) if pictures else np.full((90, 160, 3), 128, np.uint8)
    even: Any = np.ascontiguousarray(row[: row.shape[0] // 2 * 2, : row.shape[1] // 2 * 2])
    frame = VideoFrame.from_ndarray(even, format="rgb24").reformat(
        format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG", threads=1
    )
    with av.open(str(path), "w", format="mjpeg") as output:
        stream = output.add_stream("mjpeg", rate=1, options={"qmin": "3", "qmax": "6", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        stream.codec_context.color_range = 2  # full range, as JPEG has it
        stream.codec_context.flags |= Flags.bitexact
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
