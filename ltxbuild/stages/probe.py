"""Container facts of one clip, as data: a file that cannot be used gives a result with an error. Judges
nothing.

Inputs: clip. Output `probe.json`: `error` null or {"code", "message"}; `kind` "video" or "image";
`container`, `codec`, `pix_fmt`; `width`, `height` as stored, before turning and before the pixel aspect `sar`
[n, d]; `rotation` degrees clockwise that make it upright and `mirrored`; `fps`, `declared_frames`, `duration`
(seconds, of the video), `declared_exact` (false where the container states one duration for all streams),
`vfr` and `irregularity` ((max - min) / median frame interval); `transfer`, `interlaced`; `audio` null or
{"rate", "channels", "codec", "duration", "track", "tracks"}.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain, pairwise
from statistics import median

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ltxbuild.job import File, Job, JsonDict, write_json
from ltxbuild.stages.media.decode import Media, MediaError, check_size, frames, open_media, packets, rate_of
from ltxbuild.stages.media.geometry import Orientation, orientation_of, orientation_of_photo, shape_of

VARIABLE = 0.1  # (max - min) / median interval; measured: 0 for constant rates, 12 for a variable one
_TRANSFER = {
    1: "bt709",
    6: "smpte170m",
    8: "linear",
    13: "srgb",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "pq",
    18: "hlg",
}

EMPTY: JsonDict = {
    "kind": "video", "container": "", "codec": "", "pix_fmt": "", "width": 0, "height": 0, "sar": [1, 1],
    "rotation": 0, "mirrored": False, "fps": 0.0, "declared_frames": None, "declared_exact": False,
    "duration": 0.0, "vfr": None, "irregularity": None, "transfer": None, "interlaced": False, "audio": None,
}  # fmt: skip


def run(job: Job) -> None:
    """Write probe.json."""
    clip: File = job.inputs["clip"]
    try:
        facts: JsonDict = {"error": None, **_facts(clip)}
    except MediaError as error:
        facts = {**EMPTY, "error": {"code": "CLP001", "message": str(error)}}
    write_json(job.out / "probe.json", facts)


def _facts(clip: File) -> JsonDict:
    with open_media(clip.path) as media:
        passed: list[Packet[VideoStream]] = []
        first = next(frames(media, passed=passed), None)
        if first is None:
            raise MediaError("no frame of it can be decoded")
        turn = orientation_of_photo(clip.path) if media.is_image else orientation_of(first.image)
        facts = {**_stream_facts(media), **_frame_facts(first.image, turn), "audio": _audio_facts(media)}
        # Pixels of 1:10000 make a small picture as large as any.
        check_size(*shape_of(first.image.width, first.image.height, _aspect(media), Orientation()).scaled)
        if facts["kind"] == "video":
            # The packets behind the first frame are looked at, not decoded.
            facts |= _timing(media, chain(passed, packets(media)), float(str(facts["fps"])))
            if facts["declared_frames"] == 1:
                facts["kind"] = "image"
    return facts


def _stream_facts(media: Media) -> JsonDict:
    video, context = media.video, media.video.codec_context
    return {
        "kind": "image" if media.is_image else "video",
        "container": media.format,
        "codec": context.name,
        "pix_fmt": context.pix_fmt or "",
        "sar": [*_aspect(media)],
        "fps": 0.0 if media.is_image else rate_of(video),
        "declared_frames": 1 if media.is_image else (video.frames or None),
        "declared_exact": True,
        "duration": 0.0,
        "vfr": None,
        "irregularity": None,
    }


def _aspect(media: Media) -> tuple[int, int]:
    sar = media.video.sample_aspect_ratio or Fraction(1)
    return (sar.numerator, sar.denominator) if sar > 0 else (1, 1)


def _frame_facts(frame: VideoFrame, orientation: Orientation) -> JsonDict:
    return {
        "width": frame.width,
        "height": frame.height,
        "rotation": orientation.clockwise,
        "mirrored": orientation.mirrored,
        "transfer": _TRANSFER.get(int(frame.color_trc)),
        "interlaced": bool(frame.interlaced_frame),
    }


def _audio_facts(media: Media) -> JsonDict | None:
    audio = media.audio
    if audio is None:
        return None
    seconds = float(audio.duration * audio.time_base) if audio.duration and audio.time_base else None
    context = audio.codec_context
    return {
        "rate": context.sample_rate,
        "channels": context.channels,
        "codec": context.name,
        "duration": seconds,
        "track": media.container.streams.audio.index(audio) + 1,
        "tracks": len(media.container.streams.audio),
    }


def _timing(media: Media, whole: Iterable[Packet[VideoStream]], fps: float) -> JsonDict:
    """Duration and regularity from the packets' times, which cost no decoding."""
    base = float(media.video.time_base or 0)
    seen = [p.pts for p in whole if p.pts is not None and not p.is_discard]
    declared = _stream_seconds(media)
    container_seconds = media.container.duration / av.time_base if media.container.duration else None
    times = sorted(pts * base for pts in set(seen))
    gaps = [after - before for before, after in pairwise(times)]
    # The clock of some containers ticks in milliseconds: intervals are compared as far as it can tell.
    spread = max(0.0, max(gaps) - min(gaps) - base * 1.5) / median(gaps) if gaps else 0.0
    exact = declared is not None
    seconds = declared or container_seconds or (len(seen) / fps)
    return {
        "duration": seconds,
        "declared_exact": exact,
        "irregularity": round(spread, 4),
        "vfr": spread > VARIABLE if len(gaps) > 1 else None,
    }


def _stream_seconds(media: Media) -> float | None:
    """Length of the video stream: its own field, or the tag that Matroska muxers write."""
    video = media.video
    if video.duration and video.time_base:
        return float(video.duration * video.time_base)
    tag = video.metadata.get("DURATION", "")
    parts = tag.split(":")
    if len(parts) != 3 or not all(part.replace(".", "", 1).strip().isdigit() for part in parts):
        return None
    hours, minutes, seconds = (float(part) for part in parts)
    return hours * 3600 + minutes * 60 + seconds or None
