"""HDR to ordinary video: PQ or HLG in BT.2020 becomes BT.709, with highlights compressed instead of cut off.

PQ and HLG by ITU-R BT.2100-2, the compression by the EETF of ITU-R BT.2390-10 (5.4.1) from 1,000 nits to 203, the level
of reference white (BT.2408), primaries by BT.2087, the display's gamma by BT.1886. It is computed once into a table of
33x33x33 colours, between which the decoder's own filter interpolates.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

Array = np.ndarray[Any, np.dtype[np.float64]]

PEAK, WHITE = 1000.0, 203.0  # nits: what a master is taken to reach, and what becomes white
GRID = 33
TICK = Fraction(1, 1000)  # the filter wants a clock; it looks at no time
PIXELS = "gbrp12le"
RGB, BT709, UNSPECIFIED, FULL = 0, 1, 2, 2

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_TO_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def pq_to_nits(signal: Array) -> Array:
    """PQ EOTF: signal 0 to 1 -> nits 0 to 10,000 (BT.2100, table 4)."""
    power = np.clip(signal, 0, 1) ** (1 / _M2)
    return np.asarray(10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1))


def nits_to_pq(nits: Array) -> Array:
    """The inverse of `pq_to_nits`."""
    power = (np.clip(nits, 0, None) / 10_000) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def hlg_to_nits(signal: Array) -> Array:
    """HLG signal [..., 3] -> nits of a display of 1,000 with gamma 1.2 (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((np.clip(signal, 0, 1) - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return np.asarray(PEAK * scene * np.maximum(luminance, 1e-9)[..., None] ** 0.2)


def compressed(nits: Array) -> Array:
    """BT.2390's EETF: up to a knee as it is, above it bent so that 1,000 nits become 203."""
    peak = nits_to_pq(np.array(PEAK))
    level, top = np.minimum(nits_to_pq(nits) / peak, 1), float(nits_to_pq(np.array(WHITE)) / peak)
    knee = 1.5 * top - 0.5
    t = np.clip((level - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * top
    )
    return pq_to_nits(np.where(level < knee, level, spline) * peak)


def to_sdr(signal: Array, transfer: str) -> Array:
    """HDR signal [..., 3] 0 to 1 in BT.2020 -> BT.709 signal 0 to 1; `transfer` is pq or hlg.

    The largest of the three is compressed and the others with it, so that the hue stays.
    """
    nits = pq_to_nits(signal) if transfer == "pq" else hlg_to_nits(signal)
    largest = nits.max(-1, keepdims=True)
    linear = nits * (compressed(largest) / np.maximum(largest, 1e-6)) / WHITE
    return np.asarray(np.clip(linear @ _TO_709.T, 0, 1) ** (1 / 2.4))


@cache
def cube(transfer: str) -> str:
    """The table as an Adobe .cube text, red fastest."""
    axis = np.linspace(0, 1, GRID)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    rows = to_sdr(np.stack([red, green, blue], -1), transfer).reshape(-1, 3)
    lines = "\n".join(f"{r:.6f} {g:.6f} {b:.6f}" for r, g, b in rows)
    return f"LUT_3D_SIZE {GRID}\n{lines}\n"


class ToneMap:
    """Turns HDR frames of one size into BT.709 frames."""

    def __init__(self, table: Path, first: VideoFrame) -> None:
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=first.width, height=first.height, format=VideoFormat(PIXELS), time_base=TICK
        )
        table_filter = self._graph.add("lut3d", file=str(table), interp="tetrahedral")
        sink = self._graph.add("buffersink")
        source.link_to(table_filter)
        table_filter.link_to(sink)
        self._graph.configure()

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame in 8-bit BT.709 yuv444p, limited range."""
        plain = frame.reformat(format=PIXELS, dst_color_range="JPEG", interpolation="BICUBIC", threads=1)
        plain.pts, plain.time_base = None, TICK
        self._graph.push(plain)
        mapped: Any = self._graph.pull()
        mapped.colorspace, mapped.color_range = RGB, FULL
        made: VideoFrame = mapped.reformat(
            format="yuv444p",
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
            interpolation="BICUBIC",
            threads=1,
        )
        made.color_trc = made.color_primaries = BT709
        made.pts, made.time_base = frame.pts, frame.time_base
        return made


@contextmanager
def table_for(transfer: str) -> Iterator[Path]:
    """The table in a file, while this lasts: the filter reads it from one."""
    with TemporaryDirectory(prefix="ltxbuild-") as folder:
        path = Path(folder) / "tone.cube"
        path.write_text(cube(transfer), encoding="ascii")
        yield path
