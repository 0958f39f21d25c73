"""What transcoding gives, held against FFmpeg's own filters: the same pictures, and never further from their time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph

from tests.stages_media.footage import Array, make_clip, number_of, read_frames, transcoded

SECONDS = 2
# Name, codec, pixels, rate: what phones, cameras, screen recorders, games and editors write.
FORMATS = [
    ("clip.mp4", "libx264", "yuv420p", 25),
    ("clip.mp4", "libx264", "yuv420p", Fraction(24000, 1001)),
    ("clip.mp4", "libx264", "yuv420p", Fraction(30000, 1001)),
    ("clip.mov", "libx264", "yuvj420p", 30),
    ("clip.mkv", "libx264", "yuv444p", 48),
    ("clip.mp4", "libx265", "yuv420p", 50),
    ("clip.mp4", "libx265", "yuv420p10le", Fraction(60000, 1001)),
    ("clip.mkv", "libx264", "yuv422p", 120),
    ("clip.webm", "libvpx", "yuv420p", 30),
    ("clip.webm", "libvpx-vp9", "yuv420p", 60),
    ("clip.mov", "prores_ks", "yuv422p10le", 25),
    ("clip.avi", "mpeg4", "yuv420p", 30),
]


def filtered(path: Path) -> list[Array]:
    """The clip through FFmpeg's `fps` filter at 24 frames a second, as RGB."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        graph = Graph()
        chain = [graph.add_buffer(template=video), graph.add("fps", "24"), graph.add("buffersink")]
        chain[0].link_to(chain[1])
        chain[1].link_to(chain[2])
        graph.configure()
        return [frame.to_ndarray(format="rgb24") for frame in _through(container, graph)]


def _through(container: av.container.InputContainer, graph: Graph) -> Iterator[av.VideoFrame]:
    for frame in [*container.decode(video=0), None]:
        graph.push(frame)
        while True:
            try:
                out = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            assert isinstance(out, av.VideoFrame)
            yield out


@pytest.mark.parametrize(("name", "codec", "pixels", "rate"), FORMATS)
def test_each_frame_is_ffmpegs_or_one_nearer_to_its_time(
    tmp_path: Path, name: str, codec: str, pixels: str, rate: Fraction | int
) -> None:
    count = round(SECONDS * rate) + 1
    clip = make_clip(tmp_path / name, rate=rate, frames=count, codec=codec, pixels=pixels)
    ours = read_frames(transcoded(tmp_path, clip).out / "video.mp4")
    theirs = filtered(clip)
    source = read_frames(clip)
    assert abs(len(ours) - len(theirs)) <= 1
    assert len(ours) == max(1, round(Fraction(count) / Fraction(rate) * 24))
    for index, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        at = index / 24
        own, given = number_of(mine), number_of(other)
        assert abs(own / rate - at) <= abs(given / rate - at) + 1e-3
        difference = np.abs(mine.astype(int) - source[own].astype(int))
        assert difference.mean() < 3, f"frame {index} is not the picture of frame {own}"


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), 25, Fraction(30000, 1001), Fraction(60000, 1001)])
def test_no_drift_within_a_minute(tmp_path: Path, rate: Fraction | int) -> None:
    """The frame of the last instant is within half a frame of it, and so is the end."""
    count = round(60 * rate)
    pictures = [np.full((16, 32, 3), 0, np.uint8) for _ in range(count)]
    for number, picture in enumerate(pictures):
        for bit in range(12):  # twelve blocks of 5 x 5 hold the number
            x, y = bit % 6 * 5, bit // 6 * 8
            picture[y : y + 8, x : x + 5] = 255 * (number >> bit & 1)
    clip = make_clip(tmp_path / "clip.mp4", rate=rate, pictures=pictures)
    ours = read_frames(transcoded(tmp_path, clip).out / "video.mp4")
    assert len(ours) == 1440
    for index in (0, 1, 719, 720, 1438, 1439):
        shown = sum(
            1 << bit for bit in range(12) if ours[index][bit // 6 * 8 + 4, bit % 6 * 5 + 2].mean() > 127
        )
        assert abs(shown / float(rate) - index / 24) <= 0.5 / float(rate) + 1e-3
