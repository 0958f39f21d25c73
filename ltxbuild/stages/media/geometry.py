"""From stored pixels to upright, square, even-sized 8-bit frames; knows no files and no times."""

from __future__ import annotations

import math
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

MPEG_RANGE = 1  # AVCOL_RANGE_MPEG
# AVColorSpace: RGB and the two BT.2020 matrices are written as BT.709; the others keep their own.
_TO_709 = (0, 9, 10)
BT709 = 1


@dataclass(frozen=True)
class Orientation:
    """How to turn a stored frame upright: mirror it left to right first if `mirrored`, then turn it
    clockwise.
    """

    clockwise: int = 0
    mirrored: bool = False

    @property
    def upright(self) -> bool:
        """True when nothing has to be done."""
        return self.clockwise == 0 and not self.mirrored


# What the eight values of EXIF's orientation ask for (Exif 3.0, 4.6.5.1.6).
_EXIF = {
    2: Orientation(0, True), 3: Orientation(180), 4: Orientation(180, True), 5: Orientation(270, True),
    6: Orientation(90), 7: Orientation(90, True), 8: Orientation(270),
}  # fmt: skip


def orientation_of_photo(path: Path) -> Orientation:
    """Orientation by the EXIF data of a still; upright without any."""
    from PIL import Image, UnidentifiedImageError  # for stills alone: a clip needs none of it
    from PIL.ExifTags import Base

    damaged = (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about other tags, which nobody asked for
        try:
            with Image.open(path, formats=("JPEG", "PNG")) as picture:  # reads headers only
                return _EXIF.get(picture.getexif().get(Base.Orientation, 1), Orientation())
        except damaged:
            return Orientation()  # the picture itself was decoded


def orientation_of(frame: VideoFrame) -> Orientation:
    """Orientation from the frame's display matrix, rounded to quarter turns; upright without one.

    The matrix [a b; c d] maps stored (x, y) to shown (ax + cy, bx + dy), y pointing down (ISO 14496-12,
    8.3.2).
    """
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV stumbles over side data younger than itself (the second view of a spatial video); it knows the turn.
        return Orientation(-round(frame.rotation / 90) * 90 % 360)
    if data is None:
        return Orientation()
    a, b, _, c, d = struct.unpack("=5i", bytes(data)[:20])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return Orientation(round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360, mirrored)


@dataclass(frozen=True)
class Shape:
    """The way from stored to finished frames: scaled to `scaled`, oriented, then cropped to `width` x
    `height`.
    """

    scaled: tuple[int, int]
    orientation: Orientation
    width: int
    height: int

    @property
    def cropped(self) -> bool:
        """True when a row or column is cut off to make the size even."""
        size = self.scaled[::-1] if self.orientation.clockwise in (90, 270) else self.scaled
        return (self.width, self.height) != size


def shape_of(width: int, height: int, sar: tuple[int, int], orientation: Orientation) -> Shape:
    """Plan for frames stored as width x height with pixel aspect `sar`; pixels become square by stretching
    only.
    """
    aspect = sar[0] / sar[1] if sar[0] > 0 and sar[1] > 0 else 1.0
    if abs(aspect - 1) < 0.001:
        scaled = (width, height)
    elif aspect > 1:
        scaled = (round(width * aspect), height)
    else:
        scaled = (width, round(height / aspect))
    shown = scaled[::-1] if orientation.clockwise in (90, 270) else scaled
    return Shape(scaled, orientation, max(2, shown[0] // 2 * 2), max(2, shown[1] // 2 * 2))


def opaque(frame: VideoFrame) -> VideoFrame:
    """The frame on white if parts of it are transparent, as a browser would show it, else the frame itself.

    Without this the colours below would be seen, which nobody has looked at.
    """
    if not any(component.is_alpha for component in frame.format.components) or _covered(frame):
        return frame
    pixels: np.ndarray[Any, Any] = frame.reformat(format="rgba", threads=1).to_ndarray()
    alpha = pixels[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return frame
    on_white = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    made = VideoFrame.from_ndarray(on_white.astype(np.uint8), format="rgb24")
    made.pts, made.time_base = frame.pts, frame.time_base
    return made


def _covered(frame: VideoFrame) -> bool:
    """Whether nothing shines through, where that can be seen without a copy: a GIF's frames lie so in memory."""
    if frame.format.name not in ("bgra", "rgba"):
        return False
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    return bool(rows[:, 3 : 4 * frame.width : 4].min() == 255)


def finish(frame: VideoFrame, shape: Shape) -> VideoFrame:
    """A yuv420p frame in limited range, upright and of the planned size."""
    scaled = shape.scaled
    if min(scaled) < 2:  # chroma is shared by two pixels each way
        scaled = (max(2, scaled[0]), max(2, scaled[1]))
    if shape.orientation.upright and not shape.cropped:
        return _convert(frame, "yuv420p", scaled)
    # Full chroma while turning and cropping: with shared chroma an odd row would take its neighbour's colour.
    full = _convert(frame, "yuv444p", scaled)
    planes: np.ndarray[Any, Any] = full.to_ndarray()
    if shape.orientation.mirrored:
        planes = planes[:, :, ::-1]
    planes = np.rot90(planes, -shape.orientation.clockwise // 90, axes=(1, 2))
    planes = np.ascontiguousarray(planes[:, : shape.height, : shape.width])
    turned = VideoFrame.from_ndarray(planes, format="yuv444p")
    turned.colorspace, turned.color_range = full.colorspace, full.color_range
    turned.color_trc, turned.color_primaries = full.color_trc, full.color_primaries
    return _convert(turned, "yuv420p", (shape.width, shape.height))


def _convert(frame: VideoFrame, pixels: str, size: tuple[int, int]) -> VideoFrame:
    same = frame.colorspace not in _TO_709
    if frame.format.name == pixels and (frame.width, frame.height) == size and same:
        return frame
    matrix = frame.colorspace if same else BT709
    return frame.reformat(
        size[0],
        size[1],
        pixels,
        dst_colorspace=matrix,
        dst_color_range=MPEG_RANGE,
        interpolation="BICUBIC",
        threads=1,
    )
