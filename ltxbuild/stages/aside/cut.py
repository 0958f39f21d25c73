"""Pieces of long footage as clips of their own, in one pass. Run by `split`, in no build.

Inputs: clip, probe. Params: pieces [[from, to]] in seconds from the first frame, in order and apart. Outputs:
`000.mp4`, `001.mp4`, ... upright, square pixels, at the footage's own rate (variable ones at 24), with its sound; and a
row of pictures `000.jpg`, ... of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from av.video.frame import VideoFrame

from ltxbuild.job import Job, StageError, read_json
from ltxbuild.stages.media.decode import MediaError, Timed, frames, open_media
from ltxbuild.stages.media.deinterlace import deinterlaced
from ltxbuild.stages.media.encode import Sound, write_mp4
from ltxbuild.stages.media.geometry import Orientation, Shape, finish, shape_of
from ltxbuild.stages.media.picture import fitted, orientation_in, small_picture
from ltxbuild.stages.media.resample import TIE, Grid, as_rate, resample
from ltxbuild.stages.media.sound import read_sound
from ltxbuild.stages.media.strip import Sampler, write_strip
from ltxbuild.stages.media.tone import ToneMap, table_for
from ltxbuild.stages.transcode import HDR, OPTIONS

FALLBACK_RATE = 24.0
PICTURE = 160  # longer side of a picture in the row


@dataclass
class _Footage:
    """The frames not yet used: one that was read too far is put back."""

    source: Iterator[Timed]
    shape: Shape
    table: Path | None
    origin: float = 0.0
    tone: ToneMap | None = None
    kept: list[Timed] = field(default_factory=list)

    def between(self, start: float, end: float) -> Iterator[tuple[float, float, VideoFrame]]:
        """Frames from `start` to before `end`, seconds from the first frame."""
        for timed in chain(self.kept, self.source):
            self.kept = []
            time = timed.time - self.origin
            if time >= end - TIE:
                self.kept = [timed]
                return
            if time >= start - TIE:
                yield time, timed.duration, timed.image

    def finished(self, frame: VideoFrame) -> VideoFrame:
        """Upright, even, in ordinary colours."""
        if self.table is not None and self.tone is None:
            self.tone = ToneMap(self.table, frame)
        return finish(frame if self.tone is None else self.tone(frame), self.shape)


def run(job: Job) -> None:
    """Write a clip and a strip for each piece. Raises StageError if one has no frame or nothing can be decoded."""
    path: Path = job.inputs["clip"].path
    probe: dict[str, Any] = read_json(job.inputs["probe"].path)
    pieces: Any = job.params["pieces"]
    shape = shape_of(probe["width"], probe["height"], tuple(probe["sar"]), orientation_in(probe))
    rate = as_rate(FALLBACK_RATE if probe["vfr"] or not probe["fps"] else probe["fps"])
    hdr = probe["transfer"] in HDR
    try:
        with open_media(path) as media, table_for(probe["transfer"]) if hdr else nullcontext() as table:
            whole = deinterlaced(frames(media)) if probe["interlaced"] else frames(media)
            first = next(whole, None)
            if first is None:
                raise StageError("no frame of it can be decoded")
            footage = _Footage(chain((first,), whole), shape, table, first.time)
            for number, (start, end) in enumerate(pieces):
                _write(job, footage, path, probe, (float(start), float(end)), rate, number)
                job.progress(number + 1, len(pieces), "clips")
    except MediaError as error:
        raise StageError(f"it cannot be read: {error}") from error


def _write(
    job: Job,
    footage: _Footage,
    path: Path,
    probe: dict[str, Any],
    span: tuple[float, float],
    rate: Fraction,
    number: int,
) -> None:
    strip, (start, end) = Sampler(), span

    def shown() -> Iterator[VideoFrame]:
        for frame in resample(footage.between(start, end), Grid(rate)):
            done = footage.finished(frame)
            strip.add(small_picture(done, fitted((done.width, done.height), PICTURE), Orientation()))
            yield done

    def hear() -> Sound | None:
        return read_sound(path, footage.origin + start, end - start) if probe["audio"] else None

    write_mp4(job.out / f"{number:03d}.mp4", shown(), rate, OPTIONS, hear)
    write_strip(job.out / f"{number:03d}.jpg", strip.spread())
