"""One clip as every later stage wants it: mp4, constant rate, upright, square pixels, even size. Knows no
base.

Inputs: clip, probe. Params: start, end (seconds from the first frame, or null), fps, audio. Outputs:
`video.mp4` and `facts.json` {"width", "height", "frames", "fps", "duration", "audio", "passed_through",
"changes": [words]}. A clip that already fits is copied byte for byte; an image becomes a video of one frame.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import VideoFrame

from ltxbuild.job import Job, JsonDict, StageError, read_json, write_json
from ltxbuild.stages.media.decode import Media, MediaError, Tally, Timed, frames, open_media, packets
from ltxbuild.stages.media.deinterlace import deinterlaced
from ltxbuild.stages.media.encode import Sound, write_mp4
from ltxbuild.stages.media.geometry import Orientation, Shape, finish, shape_of
from ltxbuild.stages.media.resample import Grid, as_rate, grid_length, resample
from ltxbuild.stages.media.sound import read_sound
from ltxbuild.stages.media.tone import ToneMap, table_for

# Visually lossless: the VAE reads these frames, nobody keeps them. On film clips of 540p, 52 to 60 dB, as preset fast at
# crf 12 reaches in twice the time.
OPTIONS = {"crf": "11", "preset": "veryfast"}
PASSED_CODECS = ("h264", "hevc")
HDR = ("pq", "hlg")
ROUNDED = 3  # frames, by which what a container declares may be off its duration times its rate


@dataclass(frozen=True)
class Order:
    """What is asked for: where to cut, at which rate, with or without audio."""

    start: float
    end: float | None
    rate: Fraction
    audio: bool

    @property
    def trimmed(self) -> bool:
        """True when a part of the clip was asked for."""
        return self.start > 0 or self.end is not None


def run(job: Job) -> None:
    """Write video.mp4 and facts.json. Raises StageError for a clip that cannot be decoded or is cut to
    nothing.
    """
    path: Path = job.inputs["clip"].path
    probe: dict[str, Any] = read_json(job.inputs["probe"].path)
    params: dict[str, Any] = dict(job.params)
    order = Order(
        float(params.get("start") or 0.0),
        None if params.get("end") is None else float(params["end"]),
        as_rate(float(params["fps"])),
        bool(params.get("audio", True)),
    )
    if probe["error"]:
        raise StageError(f"the clip cannot be read: {probe['error']['message']}")
    try:
        facts = _passed(job, path, probe, order) or _encoded(job, path, probe, order)
    except MediaError as error:
        raise StageError(f"the clip cannot be read: {error}") from error
    except av.error.ExternalError as error:  # the encoder; it says no more than that
        size = f"{probe['width']}x{probe['height']}"
        raise StageError(
            f"the clip cannot be encoded at {size}: it may need more memory than its limit; make it smaller"
        ) from error
    write_json(job.out / "facts.json", facts)


def _passed(job: Job, path: Path, probe: dict[str, Any], order: Order) -> JsonDict | None:
    """Copy the clip if nothing about it would change; None if something would."""
    declared = probe["declared_frames"] if probe["declared_exact"] else None
    fits = (
        probe["kind"] == "video"
        and probe["container"] == "mov"
        and probe["codec"] in PASSED_CODECS
        and probe["pix_fmt"] == "yuv420p"
        and not (probe["rotation"] or probe["mirrored"] or probe["interlaced"] or order.trimmed)
        and probe["transfer"] not in HDR
        and probe["sar"][0] == probe["sar"][1]
        and probe["width"] % 2 == 0
        and probe["height"] % 2 == 0
        # Opening the file again for nothing costs as much as encoding two frames.
        and not (declared and abs(declared - probe["duration"] * order.rate) >= ROUNDED)
    )
    if not fits:
        return None
    with open_media(path) as media:
        stamps = _stamps(media)
    count = len(stamps)
    # What resampling would leave as it is, each frame once and in order, is left as it is.
    if count == 0 or list(resample(stamps, Grid(order.rate))) != list(range(count)):
        return None
    shutil.copyfile(path, job.out / "video.mp4")
    shape = (probe["width"], probe["height"])
    return _facts(shape, count, order.rate, probe["audio"] is not None, True, [])


def _stamps(media: Media) -> list[tuple[float, float, int]]:
    base = float(media.video.time_base or 0)
    seen = [p for p in packets(media) if p.pts is not None and not p.is_discard]
    seen.sort(key=lambda packet: packet.pts or 0)
    return [((p.pts or 0) * base, (p.duration or 0) * base, i) for i, p in enumerate(seen)]


def _encoded(job: Job, path: Path, probe: dict[str, Any], order: Order) -> JsonDict:
    shape = shape_of(
        probe["width"],
        probe["height"],
        (probe["sar"][0], probe["sar"][1]),
        Orientation(probe["rotation"], probe["mirrored"]),
    )
    image = probe["kind"] == "image"
    if order.start > 0 and order.start >= probe["duration"] and not image:
        raise StageError(f"start = {order.start:g} lies behind the clip's end ({probe['duration']:.2f} s)")
    grid = Grid(order.rate, order.start, order.end)
    heard = False

    def hear() -> Sound | None:
        nonlocal heard
        wanted = order.audio and probe["audio"] and not image
        sound = _sound(path, grid, probe["duration"]) if wanted else None
        heard = sound is not None
        return sound

    tally = Tally()
    hdr = probe["transfer"] in HDR
    with open_media(path) as media, table_for(probe["transfer"]) if hdr else nullcontext() as table:
        whole = frames(media, tally)
        finished = _finished(job, whole, shape, grid, probe, table)
        count = write_mp4(job.out / "video.mp4", finished, order.rate, OPTIONS, hear)
    changes = _changes(probe, order, shape, tally, heard)
    return _facts((shape.width, shape.height), count, order.rate, heard, False, changes)


def _finished(
    job: Job, whole: Iterator[Timed], shape: Shape, grid: Grid, probe: dict[str, Any], table: Path | None
) -> Iterator[VideoFrame]:
    image, seconds = probe["kind"] == "image", probe["duration"]
    whole = deinterlaced(whole) if probe["interlaced"] and not image else whole
    stamped = ((f.time, f.duration, f.image) for f in whole)
    if image:
        chosen: Iterator[VideoFrame] = (item for _, _, item in list(stamped)[:1])
    else:
        chosen = resample(stamped, grid)
    total = grid_length((seconds if grid.end is None else grid.end) - grid.start, grid.rate)
    before: tuple[VideoFrame, VideoFrame] | None = None
    tone: ToneMap | None = None
    done = 0
    for done, frame in enumerate(chosen, start=1):
        # A frame that stands at several instants is finished once.
        if before is None or before[0] is not frame:
            if table is not None and tone is None:
                tone = ToneMap(table, frame)
            before = (frame, finish(frame if tone is None else tone(frame), shape))
        job.progress(done, max(done, total), "frames")
        yield before[1]
    if done == 0:
        raise MediaError("no frame lies between start and end")


def _sound(path: Path, grid: Grid, seconds: float) -> Sound | None:
    """The audio from the grid's first instant on; called once resampling has found that."""
    base = grid.base or 0.0
    end = seconds if grid.end is None else min(grid.end, seconds)
    length = float(grid_length(end - base, grid.rate) / grid.rate)
    return read_sound(path, (grid.origin or 0.0) + base, length)


def _facts(
    size: tuple[int, int], count: int, rate: Fraction, audio: bool, passed: bool, changes: list[str]
) -> JsonDict:
    return {
        "width": size[0],
        "height": size[1],
        "frames": count,
        "fps": float(rate),
        "duration": float(count / rate),
        "audio": audio,
        "passed_through": passed,
        "changes": [*changes],
    }


def _changes(probe: dict[str, Any], order: Order, shape: Shape, tally: Tally, heard: bool) -> list[str]:
    """What was done to the clip, in words for the report."""
    said = []
    if probe["kind"] == "image":
        said.append("image made a video of one frame")
    elif probe["vfr"]:
        said.append(f"variable frame rate (about {probe['fps']:.4g}) resampled to {float(order.rate):g} fps")
    elif abs(probe["fps"] - float(order.rate)) > 0.001:
        said.append(f"{probe['fps']:.4g} fps resampled to {float(order.rate):g}")
    if order.trimmed:
        end = "the end" if order.end is None else f"{order.end:g} s"
        said.append(f"cut from {order.start:g} s to {end}")
    if probe["interlaced"] and probe["kind"] != "image":
        said.append("deinterlaced")
    if probe["transfer"] in HDR:
        said.append(f"HDR ({probe['transfer'].upper()}) tone-mapped to BT.709")
    if tally.filled:
        said.append("transparent parts filled with white")
    if heard and probe["audio"]["tracks"] > 1:
        said.append(f"audio track {probe['audio']['track']} of {probe['audio']['tracks']} taken")
    if probe["mirrored"]:
        said.append("mirrored as the file asks for")
    if probe["rotation"]:
        said.append(f"turned {probe['rotation']} degrees clockwise as the file asks for")
    if shape.scaled != (probe["width"], probe["height"]):
        said.append(f"pixels made square ({probe['sar'][0]}:{probe['sar'][1]})")
    if shape.cropped:
        said.append(f"cropped to even size {shape.width}x{shape.height}")
    if probe["kind"] != "image" and not said:
        said.append(f"{probe['codec']} {probe['pix_fmt']} in {probe['container']} encoded as H.264")
    return said
