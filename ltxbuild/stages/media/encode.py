"""Writing H.264 with AAC into mp4, the same bytes each time; knows nothing of where the frames come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

AUDIO_RATE = 48000
# x264's tree of macroblocks, in its SIMD form, gave other bytes from run to run on the same small frames.
FIXED = {"threads": "1", "x264-params": "mbtree=0"}
_BLOCK = 1024  # samples of one AAC frame

Sound: TypeAlias = "np.ndarray[Any, np.dtype[np.int16]]"


def write_mp4(
    path: Path,
    frames: Iterable[VideoFrame],
    fps: Fraction,
    options: dict[str, str],
    hear: Callable[[], Sound | None] | None = None,
) -> int:
    """Encode yuv420p `frames` of one size; returns how many.

    `hear` gives the sound as [samples, channels] at 48 kHz; it is called once the first frame is there.
    Raises ValueError when there is no frame. Bit-exact flags keep names and versions of programs out of the
    container; one thread keeps the encoder's decisions the same on every machine.
    """
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise ValueError("no frames to encode")
    sound = None if hear is None else hear()
    muxer = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=muxer) as output:
        video = _video_stream(output, first, fps, options)
        audio = None if sound is None else _audio_stream(output, sound.shape[1])
        blocks = iter(()) if sound is None else _blocks(sound)
        count = 0
        for count, frame in enumerate(chain((first,), source), start=1):
            _put(output, video, frame, count - 1, fps)
            if audio is not None:
                _put_sound(output, audio, blocks, count / fps)
        output.mux(video.encode(None))
        if audio is not None:
            _put_sound(output, audio, blocks, None)
            output.mux(audio.encode(None))
    return count


def _video_stream(
    output: OutputContainer, first: VideoFrame, fps: Fraction, options: dict[str, str]
) -> VideoStream:
    stream = output.add_stream("libx264", rate=fps, options={**options, **FIXED})
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
    context = stream.codec_context
    context.flags |= Flags.bitexact
    context.time_base = 1 / fps
    context.colorspace, context.color_range = first.colorspace, first.color_range
    context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
    return stream


def _put(output: OutputContainer, stream: VideoStream, frame: VideoFrame, index: int, fps: Fraction) -> None:
    # A source frame may stand at several instants: what it carries along (time, picture type) must not leak.
    frame.pts, frame.time_base = index, 1 / fps
    frame.pict_type = 0
    output.mux(stream.encode(frame))


def _audio_stream(output: OutputContainer, channels: int) -> AudioStream:
    layout = "mono" if channels == 1 else "stereo"
    stream = output.add_stream("aac", rate=AUDIO_RATE, options={"b": "192k"}, layout=layout)
    stream.codec_context.flags |= Flags.bitexact
    return stream


def _blocks(sound: Sound) -> Iterator[AudioFrame]:
    layout = "mono" if sound.shape[1] == 1 else "stereo"
    for start in range(0, len(sound), _BLOCK):
        packed = np.ascontiguousarray(sound[start : start + _BLOCK]).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, start, Fraction(1, AUDIO_RATE)
        yield frame


def _put_sound(
    output: OutputContainer, stream: AudioStream, blocks: Iterator[AudioFrame], until: Fraction | None
) -> None:
    """Encode blocks up to a time, so that the muxer need not hold a whole track back."""
    for frame in blocks:
        output.mux(stream.encode(frame))
        if until is not None and frame.pts is not None and frame.pts >= until * AUDIO_RATE:
            return
