"""Clips of every format and with every defect that lint knows, drawn by formula; each with the rules that must find it."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from tests.stages_media.footage import _set_display_matrix

Array = np.ndarray[Any, Any]
WIDTH, HEIGHT, SECONDS, RATE = 320, 192, 2.0, 24


@dataclass(frozen=True)
class Sample:
    """One clip: how to write it, and the codes that must be found in it. No other may."""

    name: str
    write: Callable[[Path], object]
    codes: frozenset[str] = field(default_factory=frozenset)


def texture(seed: int, width: int, height: int) -> Array:
    """Colourful noise of all sizes, as sharp as film: [height, width, 3], 0 to 255."""
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width, 3), np.float32)
    for cells, strength in ((3, 60), (8, 40), (24, 25), (80, 18), (0, 9)):
        size = (height, width) if cells == 0 else (max(2, cells * height // width), cells)
        layer = rng.normal(0, 1, (*size, 3)).astype(np.float32)
        out += strength * (
            layer if cells == 0 else cv2.resize(layer, (width, height), interpolation=cv2.INTER_LINEAR)
        )
    out += rng.uniform(80, 170, 3).astype(np.float32)
    return np.clip(out, 12, 240)


def scene(
    seed: int, frames: int = 48, pan: tuple[int, int] = (3, 1), width: int = WIDTH, height: int = HEIGHT
) -> Array:
    """A camera that pans over a texture while a disc of another one crosses: [frames, height, width, 3] uint8."""
    room = texture(seed, width + abs(pan[0]) * frames, height + abs(pan[1]) * frames)
    disc, out = texture(seed + 500, width, height), []
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    side, level, radius = rng.choice((-1, 1)), rng.uniform(0.35, 0.65), height * rng.uniform(0.2, 0.3)
    for i in range(frames):
        at = [abs(p) * (i if p > 0 else frames - i) for p in pan]
        picture = room[at[1] : at[1] + height, at[0] : at[0] + width].copy()
        middle = width * (0.5 + side * (i / max(1, frames - 1) - 0.5) * 0.6)
        inside = np.hypot(x - middle, y - height * level) < radius
        picture[inside] = disc[inside]
        out.append(picture)
    return np.stack(out).astype(np.uint8)


def film(
    pictures: Array,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: Fraction | int = RATE,
    times: Sequence[float] | None = None,
    sound: Array | None = None,
    aspect: Fraction | None = None,
    rotation: float | None = None,
    transfer: int | None = None,
    options: dict[str, str] | None = None,
    full: bool = False,
) -> Callable[[Path], object]:
    """Writes frames [n, h, w, 3] as a clip."""

    def write(path: Path) -> None:
        clock = {"gif": Fraction(1, 100)}.get(
            codec, 1 / Fraction(rate) if times is None else Fraction(1, 90000)
        )
        with av.open(str(path), "w") as output:
            stream = output.add_stream(codec, rate=rate)
            stream.height, stream.width, stream.pix_fmt = pictures.shape[1], pictures.shape[2], pixels
            stream.codec_context.time_base = clock
            given = {
                "libx264": {"crf": "8", "preset": "veryfast"},
                "libx265": {"x265-params": "log-level=none:crf=10"},
            }
            stream.options = {"threads": "2", **given.get(codec, {}), **(options or {})}
            if aspect is not None:
                stream.codec_context.sample_aspect_ratio = aspect
            if transfer is not None:
                stream.codec_context.color_trc = transfer
            if full:
                stream.codec_context.color_range = 2
            audio = None if sound is None else output.add_stream("aac", rate=48000, layout="mono")
            for i, picture in enumerate(pictures):
                frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
                    format=pixels, dst_color_range="JPEG" if full else "MPEG"
                )
                frame.pts, frame.time_base = (i if times is None and codec != "gif" else None), clock
                if frame.pts is None:
                    frame.pts = round((float(i / Fraction(rate)) if times is None else times[i]) / clock)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
            if audio is not None and sound is not None:
                chunk = AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
                chunk.sample_rate, chunk.pts, chunk.time_base = 48000, 0, Fraction(1, 48000)
                output.mux(audio.encode(chunk))
                output.mux(audio.encode(None))
        if rotation is not None:
            _set_display_matrix(path, rotation, False)

    return write


def raw(content: bytes) -> Callable[[Path], object]:
    """Writes bytes."""
    return lambda path: path.write_bytes(content)


def cut_short(pictures: Array) -> Callable[[Path], object]:
    """Writes a clip whose last two thirds are missing, the index being in front."""

    def write(path: Path) -> None:
        film(pictures, options={"bf": "0"})(path)
        whole = path.with_suffix(".whole.mp4")
        path.rename(whole)
        with (
            av.open(str(whole)) as source,
            av.open(str(path), "w", options={"movflags": "faststart"}) as output,
        ):
            stream = output.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    output.mux(packet)
        whole.unlink()
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 5])

    return write


def apart(path: Path) -> None:
    """Writes the AV1 clip in another process; av1_clip.py says why."""
    subprocess.run([sys.executable, "-m", "tests.lint.av1_clip", str(path)], check=True, timeout=120)


def tone(seconds: float = SECONDS, level: float = 0.2) -> Array:
    """A quiet tone of 330 Hz as int16 at 48 kHz; above 1 it is clipped."""
    wave = np.sin(np.arange(round(seconds * 48000)) * 2 * np.pi * 330 / 48000) * level
    return (np.clip(wave, -1, 1) * 32767).astype(np.int16)


def lettered(pictures: Array, text: str, colour: tuple[int, int, int], thick: int = 3) -> Array:
    """The same words over every frame."""
    out = []
    for picture in pictures:
        drawn = np.ascontiguousarray(picture)
        cv2.putText(drawn, text, (24, 150), cv2.FONT_HERSHEY_SIMPLEX, 0.9, colour, thick, cv2.LINE_AA)
        out.append(drawn)
    return np.stack(out)


def marked(pictures: Array) -> Array:
    """A logo in a corner of every frame."""
    out = pictures.copy()
    for top in range(14, 50, 6):
        out[:, top : top + 3, 250:300] = (250, 250, 250)
    return out


def fields(pictures: Array) -> Array:
    """Two frames woven into one, as an interlaced camera has it."""
    woven = pictures[::2].copy()
    woven[:, 1::2] = pictures[1::2, 1::2]
    return woven


def faded(one: Array, other: Array) -> Array:
    """A crossfade of a second in the middle."""
    share = np.clip((np.arange(len(one)) - 12) / 24, 0, 1)[:, None, None, None]
    return (one * (1 - share) + other * share).astype(np.uint8)


def each(pictures: Array, change: Callable[[Array, int], Array]) -> Array:
    """A change to every frame."""
    return np.stack(
        [np.clip(change(p.astype(np.float32), i), 0, 255) for i, p in enumerate(pictures)]
    ).astype(np.uint8)


def moved(pictures: Array, path: Callable[[int], tuple[int, int]]) -> Array:
    """A window of 320x192 that jumps about in larger frames."""
    return np.stack([p[y : y + HEIGHT, x : x + WIDTH] for i, p in enumerate(pictures) for x, y in [path(i)]])


def even(pictures: Array) -> Array:
    """Without the large patches of light and dark."""
    return each(pictures, lambda p, _: p - cv2.GaussianBlur(p, (0, 0), 20) + 120)


def enlarged(pictures: Array) -> Array:
    """Half the size and back."""
    return each(
        pictures,
        lambda p, _: cv2.resize(
            cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
            (p.shape[1], p.shape[0]),
            interpolation=cv2.INTER_CUBIC,
        ),
    )


def clean() -> list[Sample]:
    """Clips that nothing is wrong with, in the formats that nothing is said about."""
    return [
        Sample("h264.mp4", film(scene(1))),
        Sample("audio.mp4", film(scene(2), sound=tone())),
        Sample("matroska.mkv", film(scene(3))),
        Sample("hevc.mp4", film(scene(4), codec="libx265")),
        Sample(
            "vp9.webm",
            film(
                scene(5),
                codec="libvpx-vp9",
                options={"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"},
            ),
        ),
        Sample(
            "av1.mp4",
            apart,
        ),
        Sample("prores.mov", film(scene(7), codec="prores_ks", pixels="yuv422p10le")),
        Sample(
            "mjpeg.avi", film(scene(8), codec="mjpeg", pixels="yuvj420p", options={"qscale": "2"}, full=True)
        ),
        Sample("ten_bit.mp4", film(scene(9), codec="libx265", pixels="yuv420p10le")),
        Sample("full_range.mp4", film(scene(10), pixels="yuvj420p", full=True)),
        Sample("odd_size.mkv", film(scene(11, width=321, height=193), pixels="yuv444p")),
        Sample("portrait.mp4", film(scene(12, width=HEIGHT, height=WIDTH))),
        Sample("ntsc_film.mp4", film(scene(13), rate=Fraction(24000, 1001))),
        Sample("still.png", film(scene(14, 1), codec="png", pixels="rgb24")),
        Sample(
            "still.jpg",
            film(scene(15, 1), codec="mjpeg", pixels="yuvj444p", options={"qscale": "2"}, full=True),
        ),
        Sample(
            "push_in.mp4",
            film(
                np.stack(
                    [
                        cv2.resize(p[i : HEIGHT - i, i * 5 // 3 : WIDTH - i * 5 // 3], (WIDTH, HEIGHT))
                        for i, p in enumerate(scene(16, 48, (1, 1)))
                    ]
                )
            ),
        ),
    ]


def odd_files() -> list[Sample]:
    """Formats, rates and files that a rule speaks of."""
    good = scene(20)
    uneven = np.cumsum([0.02 if i % 3 else 0.09 for i in range(48)]).tolist()
    return [
        Sample("fps25.mp4", film(scene(21, 50), rate=25), frozenset({"CLP006"})),
        Sample("fps30.mp4", film(scene(22, 60), rate=30), frozenset({"CLP006"})),
        Sample("fps2997.mp4", film(scene(23, 60), rate=Fraction(30000, 1001)), frozenset({"CLP006"})),
        Sample("fps50.mp4", film(scene(24, 100, (1, 1)), rate=50), frozenset({"CLP006"})),
        Sample("fps60.mp4", film(scene(25, 120, (1, 1)), rate=60), frozenset({"CLP006"})),
        Sample("fps120.mp4", film(scene(26, 240, (1, 0)), rate=120), frozenset({"CLP006"})),
        Sample(
            "moving.gif",
            film(scene(27, 50), codec="gif", pixels="rgb8", rate=25),
            frozenset({"CLP006", "PIX111"}),
        ),  # dithered
        Sample("uneven.mp4", film(good, times=uneven, rate=24), frozenset({"CLP007"})),
        Sample("sideways.mp4", film(scene(28), rotation=90), frozenset({"CLP008"})),
        Sample("upside_down.mp4", film(scene(29), rotation=180), frozenset({"CLP008"})),
        Sample("anamorphic.mp4", film(scene(30), aspect=Fraction(4, 3)), frozenset({"CLP009"})),
        Sample("small.mp4", film(scene(31, width=112, height=80)), frozenset({"CLP010"})),
        Sample("tiny.mp4", film(scene(32, width=56, height=40)), frozenset({"CLP010"})),
        Sample("short.mp4", film(scene(33, 12)), frozenset({"CLP003", "CLP004"})),
        Sample("brief.mp4", film(scene(34, 36)), frozenset({"CLP004"})),
        Sample("long.mp4", film(scene(35, 156, (1, 1))), frozenset({"CLP004"})),
        Sample(
            "flagged.mp4",
            film(fields(scene(36, 96)), options={"flags": "+ilme+ildct", "x264-params": "tff=1"}),
            frozenset({"CLP012"}),
        ),
        Sample(
            "combed.mp4",
            film(fields(each(scene(37, 96, (4, 0)), lambda p, i: cv2.GaussianBlur(p, (0, 0), 1.4)))),
            frozenset({"CLP012"}),
        ),
        Sample(
            "pq.mp4",
            film(scene(38), codec="libx265", pixels="yuv420p10le", transfer=16),
            frozenset({"CLP013"}),
        ),
        Sample(
            "hlg.mp4",
            film(scene(39), codec="libx265", pixels="yuv420p10le", transfer=18),
            frozenset({"CLP013"}),
        ),
        Sample("cut_short.mp4", cut_short(scene(40)), frozenset({"CLP002"})),
        Sample("empty.mp4", raw(b""), frozenset({"CLP001"})),
        Sample("words.mp4", raw(b"this is no film at all\n" * 40), frozenset({"CLP001"})),
        Sample("header.mp4", raw(b"\x00\x00\x00\x18ftypmp42" + bytes(200)), frozenset({"CLP001"})),
        Sample(
            "playlist.mp4", raw(b"#EXTM3U\n#EXTINF:10,\nhttp://example.org/x.ts\n"), frozenset({"CLP001"})
        ),
        Sample("half.png", raw(b"\x89PNG\r\n\x1a\n" + zlib.compress(b"x" * 90)), frozenset({"CLP001"})),
        Sample("silent.mp4", film(scene(41), sound=tone(level=0)), frozenset({"AUD502"})),
        Sample("loud.mp4", film(scene(42), sound=tone(level=9)), frozenset({"AUD503"})),
        Sample("late.mp4", film(scene(43), sound=tone(3.0)), frozenset({"AUD504"})),
    ]


def flawed() -> list[Sample]:
    """Pictures that a rule speaks of."""
    rng = np.random.default_rng(1)
    base, other = scene(50), scene(51)
    black = np.zeros_like(base)
    return [
        Sample("cut.mp4", film(np.concatenate([base[:24], other[24:]])), frozenset({"PIX101"})),
        Sample("early_cut.mp4", film(np.concatenate([base[:3], other[3:]])), frozenset({"PIX101"})),
        Sample("late_cut.mp4", film(np.concatenate([base[:45], other[45:]])), frozenset({"PIX101"})),
        Sample(
            "two_cuts.mp4",
            film(np.concatenate([base[:16], other[16:32], scene(52)[32:]])),
            frozenset({"PIX101"}),
        ),
        Sample("dissolve.mp4", film(faded(scene(53), scene(54) // 3)), frozenset({"PIX102"})),
        Sample("fade_in.mp4", film(faded(black, scene(55))), frozenset({"PIX102", "PIX104", "PIX106"})),
        Sample("flash.mp4", film(each(scene(56), lambda p, i: p + 120 * (i == 20))), frozenset({"PIX103"})),
        Sample(
            "stray_frame.mp4",
            film(each(scene(57, pan=(1, 0)), lambda p, i: 255 - p if i == 30 else p)),
            frozenset({"PIX103"}),
        ),
        Sample(
            "freezes.mp4",
            film(np.concatenate([scene(58)[:30], np.repeat(scene(58)[29:30], 18, 0)])),
            frozenset({"PIX104"}),
        ),
        Sample("frozen.mp4", film(np.repeat(scene(59, 1), 48, 0)), frozenset({"PIX104", "MOT201"})),
        Sample("on_twos.mp4", film(np.repeat(scene(60, 24), 2, 0)), frozenset({"PIX105"})),
        Sample(
            "black_start.mp4",
            film(np.concatenate([black[:10], scene(61)[10:]])),
            frozenset({"PIX101", "PIX106"}),
        ),
        Sample(
            "letterbox.mp4",
            film(each(scene(62), lambda p, i: np.pad(p[24:-24], ((24, 24), (0, 0), (0, 0))))),
            frozenset({"PIX107"}),
        ),
        Sample(
            "pillarbox.mp4",
            film(each(scene(63), lambda p, i: np.pad(p[:, 50:-50], ((0, 0), (50, 50), (0, 0))))),
            frozenset({"PIX107"}),
        ),
        Sample(
            "blurred.mp4",
            film(each(scene(64), lambda p, i: cv2.GaussianBlur(p, (0, 0), 4))),
            frozenset({"PIX108"}),
        ),
        Sample("enlarged.mp4", film(enlarged(scene(65, pan=(4, 0)))), frozenset({"PIX109"})),
        Sample("dark.mp4", film(each(scene(66), lambda p, i: p * 0.14 + 4)), frozenset({"PIX110"})),
        Sample("bright.mp4", film(each(scene(67), lambda p, i: p * 0.3 + 200)), frozenset({"PIX110"})),
        Sample(
            "noisy.mp4",
            film(each(scene(68), lambda p, i: p + rng.normal(0, 40, p.shape))),
            frozenset({"PIX111"}),
        ),
        Sample(
            "flicker.mp4",
            film(each(scene(69), lambda p, i: p * (1 + 0.12 * np.sin(i * 2.6)))),
            frozenset({"PIX112"}),
        ),
        Sample(
            "subtitle.mp4", film(lettered(scene(70), "HELLO THERE", (255, 255, 255))), frozenset({"PIX114"})
        ),
        Sample("dark_title.mp4", film(lettered(scene(71), "CHAPTER ONE", (0, 0, 0))), frozenset({"PIX114"})),
        Sample(
            "slow.mp4",
            film(each(np.repeat(scene(72, 1), 48, 0), lambda p, i: p + rng.normal(0, 3, p.shape))),
            frozenset({"MOT201"}),
        ),
        Sample(
            "shaken.mp4",
            film(
                moved(
                    even(scene(73, width=400, height=260, pan=(1, 1))),
                    lambda i: (int(40 + 26 * np.sin(i * 1.9)), int(34 + 24 * np.cos(i * 2.3))),
                )
            ),
            frozenset({"MOT202"}),
        ),
    ]


SINGLE = [*clean(), *odd_files(), *flawed()]
