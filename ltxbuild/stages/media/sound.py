"""A clip's audio as samples in step with its video; knows no encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from ltxbuild.stages.media.decode import open_media
from ltxbuild.stages.media.encode import AUDIO_RATE, Sound

# Timestamps of compressed audio jitter by a few samples; only a gap longer than this is a real one.
GAP = 0.02


def read_sound(path: Path, origin: float, seconds: float, rate: int = AUDIO_RATE) -> Sound | None:
    """Samples [n, channels] at `rate` from file time `origin` for `seconds`, silence where there are none.

    Mono stays mono, anything else becomes stereo. None if the file has no audio that can be decoded.
    """
    with open_media(path) as media:
        if media.audio is None or not media.audio.codec_context.channels:
            return None
        channels = min(2, media.audio.codec_context.channels)
        sound = np.zeros((round(seconds * rate), channels), np.int16)
        layout = "mono" if channels == 1 else "stereo"
        resampler = AudioResampler(format="s16", layout=layout, rate=rate)
        cursor: int | None = None
        heard = False
        for packet in _packets(media.container, media.audio):
            for chunk in _decode(packet, resampler):
                cursor = _place(sound, chunk, origin, cursor, rate)
                heard = True
                if cursor >= len(sound):
                    return sound
        return sound if heard else None


def at_rate(samples: Sound, rate: int) -> Sound:
    """Samples [n, channels] of `rate` a second as such of 48 kHz."""
    if rate == AUDIO_RATE:
        return samples
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout=layout)
    frame.sample_rate = rate
    resampler = AudioResampler(format="s16", layout=layout, rate=AUDIO_RATE)
    chunks = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([chunk.to_ndarray().reshape(-1, samples.shape[1]) for chunk in chunks])


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return  # the rest stays silent


def _decode(packet: Packet[AudioStream], resampler: AudioResampler) -> list[AudioFrame]:
    try:
        decoded = packet.decode()
    except av.FFmpegError:
        return []  # a damaged packet leaves silence
    return [chunk for frame in decoded for chunk in resampler.resample(frame)]


def _place(sound: Sound, chunk: AudioFrame, origin: float, cursor: int | None, rate: int) -> int:
    """Copy one chunk to where its time says, or right behind the one before; returns the sample behind it."""
    samples = chunk.to_ndarray().reshape(-1, sound.shape[1])
    if chunk.pts is not None and chunk.time_base is not None:
        stated = round((float(chunk.pts * chunk.time_base) - origin) * rate)
        if cursor is None or abs(stated - cursor) > GAP * rate:
            cursor = stated
    start = 0 if cursor is None else cursor
    low, high = max(0, start), min(len(sound), start + len(samples))
    if low < high:
        sound[low:high] = samples[low - start : high - start]
    return start + len(samples)
