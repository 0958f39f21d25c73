"""Opening and decoding files that may come from a stranger; knows nothing of trims, rates or what frames are
for.

Only containers named here are opened, each by its own demuxer and from local files, so that a playlist that
calls itself `clip.mp4` reaches nothing. One thread decodes: the same file always gives the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ltxbuild.stages.media.geometry import opaque

MAX_PIXELS = 8192 * 8192  # of one frame; a header of a few bytes may ask for gigabytes
MAX_SIDE = 16384  # the longest that the H.264 encoder takes
# Times that jump further are broken: at a constant rate the picture before would be repeated for hours.
LONGEST_FRAME = 60.0
IMAGE_FORMATS = ("png_pipe", "jpeg_pipe")
KNOWN = "mp4, mov, mkv, webm, avi, gif, png, jpg"
MAX_ERRORS = 50  # packets that cannot be decoded before a file is given up

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


class MediaError(Exception):
    """The file cannot be used as a clip; the message says why, in words for the user."""


@dataclass(frozen=True)
class Media:
    """An open file with its first video stream and, if there is one, the audio stream that players start with."""

    container: InputContainer
    format: str
    video: VideoStream
    audio: AudioStream | None

    @property
    def is_image(self) -> bool:
        """True for the still image formats."""
        return self.format in IMAGE_FORMATS


@dataclass(frozen=True)
class Timed:
    """A decoded frame with its presentation time and length in seconds, as the file states them."""

    time: float
    duration: float
    image: VideoFrame


@dataclass
class Tally:
    """What happened while decoding: frames shown, packets hidden by an edit list, packets that failed, frames
    with transparent parts.
    """

    frames: int = 0
    hidden: int = 0
    failed: int = 0
    filled: int = 0


def sniff(path: Path) -> str:
    """The demuxer for the file's first bytes. Raises MediaError for an empty or unknown file."""
    with path.open("rb") as stream:
        head = stream.read(32)
    if not head:
        raise MediaError("the file is empty")
    if head[4:8] in _BOXES:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        check_size(int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little"))
        return "gif"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        check_size(int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"))
        return "png_pipe"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg_pipe"
    raise MediaError(f"it is none of the formats that can be read ({KNOWN})")


def check_size(width: int, height: int) -> None:
    """Refuse frames that have no area or more pixels than a decoder may allocate. Raises MediaError."""
    if width <= 0 or height <= 0:
        raise MediaError("its frames have no area")
    if width * height > MAX_PIXELS:
        raise MediaError(f"its frames of {width}x{height} are larger than can be read (8192x8192)")
    if max(width, height) > MAX_SIDE:
        raise MediaError(f"its frames of {width}x{height} are longer than can be read ({MAX_SIDE} pixels)")


@contextmanager
def open_media(path: Path) -> Iterator[Media]:
    """Open a clip for one pass. Raises MediaError if it cannot be opened or holds no video."""
    name = sniff(path)
    options = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
    try:
        container = av.open(f"file:{path}", "r", format=name, options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        raise MediaError(f"it cannot be opened: {_words(error)}") from error
    with container:
        if not container.streams.video:
            raise MediaError("it holds no video")
        video = container.streams.video[0]
        if not _has_decoder(video):
            raise MediaError("its video is of a kind that cannot be decoded")
        check_size(video.codec_context.width, video.codec_context.height)
        video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        video.thread_count = 1
        yield Media(container, name, video, _chosen_audio(container))


def _chosen_audio(container: InputContainer) -> AudioStream | None:
    """The track that players start with: the one marked as default, else the first."""
    tracks = [stream for stream in container.streams.audio if _has_decoder(stream)]
    marked = [stream for stream in tracks if Disposition.default in stream.disposition]
    return next(iter([*marked, *tracks]), None)


def _has_decoder(stream: VideoStream | AudioStream) -> bool:
    # PyAV gives no context for a codec that nobody knows, whatever its annotations say.
    context: object = stream.codec_context
    return context is not None


def packets(media: Media) -> Iterator[Packet[VideoStream]]:
    """The video packets in file order; a file that breaks off ends the iteration."""
    try:
        yield from media.container.demux(media.video)
    except av.FFmpegError:
        return  # what is missing shows in the number of frames


def frames(
    media: Media, tally: Tally | None = None, passed: list[Packet[VideoStream]] | None = None
) -> Iterator[Timed]:
    """Decode the video in display order, times never running backwards; damaged packets are skipped and
    counted, transparent parts are white. Packets that were taken from the file are put into `passed`.

    Raises MediaError when more than MAX_ERRORS packets fail, or a frame would stand for over LONGEST_FRAME seconds.
    """
    tally = Tally() if tally is None else tally
    step = 1.0 / rate_of(media.video)
    last = None
    for packet in packets(media):
        if passed is not None:
            passed.append(packet)
        tally.hidden += bool(packet.is_discard)
        for image in _decode(packet, tally):
            time = float(image.pts * image.time_base) if image.pts is not None and image.time_base else None
            if time is None:
                time = 0.0 if last is None else last + step
            time = time if last is None else max(time, last)
            length = float(image.duration * image.time_base) if image.duration and image.time_base else step
            if max(length, time - (time if last is None else last)) > LONGEST_FRAME:
                raise MediaError(f"its times are broken: a frame would stand for over {LONGEST_FRAME:.0f} s")
            last = time
            tally.frames += 1
            seen = opaque(image)
            tally.filled += seen is not image
            yield Timed(time, length, seen)


def _decode(packet: Packet[VideoStream], tally: Tally) -> list[VideoFrame]:
    try:
        return packet.decode()
    except av.FFmpegError as error:
        tally.failed += 1
        if tally.failed > MAX_ERRORS:
            raise MediaError(f"it cannot be decoded: {_words(error)}") from error
        return []


def rate_of(video: VideoStream) -> float:
    """Frames per second as the container states them; 25 where it states nothing sensible."""
    for rate in (video.average_rate, video.guessed_rate, video.base_rate):
        if rate and 0.01 < rate < 1000:
            return float(rate)
    return 25.0


def _words(error: av.FFmpegError) -> str:
    """FFmpeg's reason without number and path."""
    return (error.strerror or "unknown reason").lower()
