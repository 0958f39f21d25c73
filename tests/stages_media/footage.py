"""Clips made by PyAV whose frames carry their own number, and the way to read it back."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from ltxbuild.job import File
from ltxbuild.stages import bucket, preview, probe, scan, transcode
from tests.fake_job import FakeJob, as_file

WIDTH, HEIGHT, BITS = 96, 64, 8
MODULES = {"probe": probe, "scan": scan, "transcode": transcode, "preview": preview, "bucket": bucket}
Array = np.ndarray[Any, Any]


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Array:
    """An RGB frame whose upper half shows `number` as eight black or white bars, low bit left; a red corner
    below.
    """
    frame = np.full((height, width, 3), 90, np.uint8)
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        frame[: height // 2, left:right] = 235 if number >> bit & 1 else 16
    frame[-height // 4 :, : width // 4] = (230, 20, 20)
    return frame


def number_of(frame: Array) -> int:
    """Read the number back from an upright RGB frame of any size."""
    height, width = frame.shape[:2]
    middles = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    row = frame[height // 4].astype(int)
    return sum(1 << bit for bit, x in enumerate(middles) if row[x].mean() > 125)


def make_clip(
    path: Path,
    times: Sequence[float] | None = None,
    *,
    rate: Fraction | int = 24,
    frames: int = 24,
    pictures: Sequence[Array] | None = None,
    codec: str = "libx264",
    container: str | None = None,
    pixels: str = "yuv420p",
    rotation: float | None = None,
    hflip: bool = False,
    aspect: Fraction | None = None,
    sound: Array | None = None,
    offset: float = 0.0,
) -> Path:
    """Write a clip of numbered frames (or of `pictures`) at a constant rate, or at `times` in seconds."""
    shown = (
        [numbered(i) for i in range(frames if times is None else len(times))]
        if pictures is None
        else pictures
    )
    # GIF counts hundredths; MPEG-4 knows no finer clock than its rate.
    clock = {"gif": Fraction(1, 100), "mpeg4": 1 / Fraction(rate)}.get(codec, Fraction(1, 90000))
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = shown[0].shape[0], shown[0].shape[1], pixels
        stream.codec_context.time_base = clock
        if codec == "libx264":
            stream.options = {"crf": "10", "preset": "ultrafast", "bf": "2"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        audio = None if sound is None else output.add_stream("aac", rate=48000, layout="mono")
        for i, picture in enumerate(shown):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
                format=pixels
            )
            time = (float(i / Fraction(rate)) if times is None else times[i]) + offset
            frame.pts, frame.time_base = round(time / clock), clock
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if audio is not None and sound is not None:
            chunk = AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
            chunk.sample_rate, chunk.pts = 48000, round(offset * 48000)
            chunk.time_base = Fraction(1, 48000)
            output.mux(audio.encode(chunk))
            output.mux(audio.encode(None))
    if rotation is not None or hflip:
        _set_display_matrix(path, rotation or 0, hflip)
    return path


def _set_display_matrix(path: Path, rotation: float, hflip: bool) -> None:
    """Ask players of an mp4 to mirror the picture, then to turn it counter-clockwise, in its track header."""
    turn = math.radians(-rotation)
    a, b = round(math.cos(turn)), round(math.sin(turn))
    first = (-a, -b) if hflip else (a, b)
    content = bytearray(path.read_bytes())
    place = (
        content.index(b"tkhd") + 44
    )  # behind flags, times, number, duration, layer and volume (ISO 14496-12)
    struct.pack_into(">5i", content, place, first[0] << 16, first[1] << 16, 0, -b << 16, a << 16)
    path.write_bytes(content)


def make_still(path: Path, picture: Array, codec: str, pixels: str) -> Path:
    """Write one picture as png or jpg."""
    with av.open(str(path), "w", format="image2") as output:
        stream = output.add_stream(codec, rate=1)
        stream.height, stream.width, stream.pix_fmt = picture.shape[0], picture.shape[1], pixels
        frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(
            format=pixels, dst_color_range="JPEG"
        )
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def read_frames(path: Path) -> list[Array]:
    """All frames as RGB."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def run_stage(name: str, root: Path, params: dict[str, Any] | None = None, **inputs: File) -> FakeJob:
    """Run one stage in a folder of its own below `root`."""
    number = len(list(root.glob(f"{name}-*")))
    job = FakeJob(root / f"{name}-{number}", params or {}, inputs)
    MODULES[name].run(job)
    return job


def probed(root: Path, clip: Path) -> tuple[File, File]:
    """The clip and its probe result as input files."""
    source = as_file(clip)
    return source, as_file(run_stage("probe", root, clip=source).out / "probe.json")


def scanned(root: Path, clip: Path, **params: Any) -> FakeJob:
    """Probe and scan a clip."""
    source, facts = probed(root, clip)
    return run_stage("scan", root, {"start": None, "end": None, **params}, clip=source, probe=facts)


def transcoded(root: Path, clip: Path, **params: Any) -> FakeJob:
    """Probe and transcode a clip to 24 fps."""
    source, facts = probed(root, clip)
    settings = {"start": None, "end": None, "fps": 24, "audio": True, **params}
    return run_stage("transcode", root, settings, clip=source, probe=facts)
