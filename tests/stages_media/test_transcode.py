"""Transcoding of tricky clips: frames carry numbers, so it is known which one landed where."""

from __future__ import annotations

import io
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.stream import Disposition
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from ltxbuild.job import StageError
from ltxbuild.stages.media.geometry import orientation_of_photo
from tests.stages_media.footage import (
    Array,
    make_clip,
    make_still,
    number_of,
    numbered,
    read_frames,
    run_stage,
    scanned,
    transcoded,
)
from tests.stages_media.footage import probed as probe_clip


def numbers(path: Path) -> list[int]:
    return [number_of(frame) for frame in read_frames(path)]


@pytest.mark.parametrize("rate", [25, Fraction(30000, 1001), 30, 60])
def test_constant_rates_become_24_by_time(tmp_path: Path, rate: Fraction | int) -> None:
    clip = make_clip(tmp_path / "clip.mp4", rate=rate, frames=int(2 * rate) + 1)
    job = transcoded(tmp_path, clip)
    facts = job.json("facts.json")
    seen = numbers(job.out / "video.mp4")
    assert facts["frames"] == len(seen)
    assert not facts["passed_through"]
    assert "resampled to 24" in facts["changes"][0]
    for k, i in enumerate(seen):
        assert abs(i / float(rate) - k / 24) <= 0.5 / float(rate) + 1e-4
    assert abs(len(seen) / 24 - (int(2 * rate) + 1) / float(rate)) <= 0.5 / 24 + 1e-3


def test_variable_rate_by_time(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.09, 0.1, 0.3, 0.31, 0.6, 0.62, 1.2, 1.25]
    clip = make_clip(tmp_path / "clip.mkv", times)
    job = transcoded(tmp_path, clip)
    seen = numbers(job.out / "video.mp4")
    assert "variable frame rate" in job.json("facts.json")["changes"][0]
    for k, i in enumerate(seen):
        shown = max(j for j, t in enumerate(times) if t <= k / 24 + 0.002)
        assert i == shown or abs(times[i] - k / 24) <= 0.5 / 24 + 0.002
    assert seen[-1] == 9


def test_offset_timestamps_start_at_zero(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", frames=24, offset=3.4)
    job = transcoded(tmp_path, clip)
    assert numbers(job.out / "video.mp4") == list(range(24))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov"])
def test_what_fits_is_copied_byte_for_byte(tmp_path: Path, name: str) -> None:
    clip = make_clip(tmp_path / name)
    job = transcoded(tmp_path, clip)
    assert (job.out / "video.mp4").read_bytes() == clip.read_bytes()
    facts = job.json("facts.json")
    assert facts == {
        "width": 96, "height": 64, "frames": 24, "fps": 24.0, "duration": 1.0, "audio": False,
        "passed_through": True, "changes": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "container"),
    [
        ("clip.mkv", "libx264", "yuv420p", None),
        ("clip.webm", "libvpx", "yuv420p", None),
        ("clip.avi", "mpeg4", "yuv420p", None),
        ("clip.mp4", "libx264", "yuv444p", None),
        ("clip.mp4", "libx264", "yuv420p10le", None),
        ("clip.mp4", "libx264", "yuvj420p", None),
    ],
)
def test_other_containers_and_pixels(
    tmp_path: Path, name: str, codec: str, pixels: str, container: str | None
) -> None:
    clip = make_clip(tmp_path / name, codec=codec, pixels=pixels, container=container)
    job = transcoded(tmp_path, clip)
    frames = read_frames(job.out / "video.mp4")
    assert [number_of(frame) for frame in frames] == list(range(24))
    source = read_frames(clip)[5].astype(int)
    assert np.abs(frames[5].astype(int) - source).mean() < 4  # neither range nor matrix was mistaken
    with av.open(str(job.out / "video.mp4")) as container_:
        assert container_.streams.video[0].pix_fmt == "yuv420p"


def test_gif_holds_its_pictures(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.gif", [0.0, 0.5, 1.0], codec="gif", pixels="rgb8", container="gif")
    seen = numbers(transcoded(tmp_path, clip).out / "video.mp4")
    assert seen[:12] == [0] * 12
    assert seen[12:24] == [1] * 12
    assert seen[24] == 2


def _corner(frame: Array) -> str:
    """Where the red corner is."""
    red = frame[..., 0].astype(int) - frame[..., 1]
    rows, columns = np.nonzero(red > 100)
    height, width = frame.shape[:2]
    return ("top" if rows.mean() < height / 2 else "bottom") + (
        " left" if columns.mean() < width / 2 else " right"
    )


# What FFmpeg's own player shows for these display matrices of a frame with its corner at the bottom left.
@pytest.mark.parametrize(
    ("rotation", "hflip", "corner", "size"),
    [
        (-90, False, "top left", (64, 96)),
        (90, False, "bottom right", (64, 96)),
        (180, False, "top right", (96, 64)),
        (0, True, "bottom right", (96, 64)),
    ],
)
def test_rotation_is_baked_in_the_right_sense(
    tmp_path: Path, rotation: int, hflip: bool, corner: str, size: tuple[int, int]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", rotation=rotation, hflip=hflip, frames=4)
    job = transcoded(tmp_path, clip)
    frame = read_frames(job.out / "video.mp4")[0]
    facts = job.json("facts.json")
    assert _corner(frame) == corner
    assert (facts["width"], facts["height"]) == size
    assert frame.shape[:2] == size[::-1]
    assert any("as the file asks for" in change for change in facts["changes"])


def test_odd_sizes_are_cropped_to_even(tmp_path: Path) -> None:
    pictures = [numbered(i, 97, 65) for i in range(6)]
    clip = make_clip(tmp_path / "clip.mp4", pictures=pictures, pixels="yuv444p")
    job = transcoded(tmp_path, clip)
    frames = read_frames(job.out / "video.mp4")
    assert frames[0].shape == (64, 96, 3)
    assert np.abs(frames[3].astype(int) - read_frames(clip)[3][:64, :96]).mean() < 3


def test_pixels_are_made_square(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", aspect=Fraction(4, 3), frames=3)
    facts = transcoded(tmp_path, clip).json("facts.json")
    assert (facts["width"], facts["height"]) == (128, 64)
    assert "pixels made square (4:3)" in facts["changes"]


@pytest.mark.parametrize(
    ("name", "codec", "pixels"), [("still.png", "png", "rgb24"), ("still.jpg", "mjpeg", "yuvj420p")]
)
def test_a_still_becomes_one_frame_of_the_same_colours(
    tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    picture = numbered(77)
    job = transcoded(tmp_path, make_still(tmp_path / name, picture, codec, pixels))
    frames = read_frames(job.out / "video.mp4")
    assert len(frames) == job.json("facts.json")["frames"] == 1
    assert np.abs(frames[0].astype(int) - picture).mean() < 4


def test_start_and_end(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=72)
    job = transcoded(tmp_path, clip, start=0.5, end=1.5)
    assert numbers(job.out / "video.mp4") == list(range(12, 36))
    assert "cut from 0.5 s to 1.5 s" in job.json("facts.json")["changes"]
    with pytest.raises(StageError, match="lies behind the clip's end"):
        transcoded(tmp_path, clip, start=9.0)


def _click(seconds: float, at: float) -> np.ndarray:
    sound = np.zeros(round(seconds * 48000), np.int16)
    sound[round(at * 48000) : round(at * 48000) + 480] = 20000
    return sound


def _heard(path: Path) -> float:
    """When the click begins in a file, measured from its first frame."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.nonzero(np.abs(frame.to_ndarray()[0]) > 0.2)[0]
            if len(loud):
                return float(frame.time + loud[0] / 48000 - first)
    raise AssertionError("no click")


def samples(path: Path) -> Array:
    """The mono sound of a file from time 0 on, at the size of 16-bit samples."""
    with av.open(str(path)) as container:
        pieces = [(float(frame.time), frame.to_ndarray()[0] * 32767) for frame in container.decode(audio=0)]
    heard = np.zeros(round((pieces[-1][0] + 1) * 48000), np.float32)
    for time, piece in pieces:
        start = round(time * 48000)
        heard[max(0, start) : start + len(piece)] = piece[max(0, -start) :]
    return heard


@pytest.mark.parametrize(("start", "expected"), [(None, 1.2), (0.5, 0.7)])
def test_audio_stays_in_step(tmp_path: Path, start: float | None, expected: float) -> None:
    clip = make_clip(tmp_path / "clip.mkv", rate=30, frames=60, sound=_click(2.0, 1.2), offset=0.7)
    assert abs(_heard(clip) - 1.2) < 0.02
    job = transcoded(tmp_path, clip, start=start)
    assert job.json("facts.json")["audio"] is True
    assert abs(_heard(job.out / "video.mp4") - expected) < 0.005


def test_audio_can_be_left_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", frames=12, sound=_click(0.5, 0.1))
    job = transcoded(tmp_path, clip, audio=False)
    assert job.json("facts.json")["audio"] is False
    with av.open(str(job.out / "video.mp4")) as container:
        assert not container.streams.audio


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", rate=30, frames=45, sound=_click(1.5, 0.2))
    one = (transcoded(tmp_path, clip).out / "video.mp4").read_bytes()
    assert (transcoded(tmp_path, clip).out / "video.mp4").read_bytes() == one


def test_a_clip_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("a shopping list\n" * 20)
    with pytest.raises(StageError, match="cannot be read: it is none of the formats"):
        transcoded(tmp_path, clip)
    assert scanned(tmp_path, clip).json("readable.json")["ok"] is False


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", frames=10)
    source, facts = probe_clip(tmp_path, clip)
    job = run_stage("transcode", tmp_path, {"start": None, "end": None, "fps": 24}, clip=source, probe=facts)
    assert job.steps[-1] == (10, 10, "frames")


def test_sound_of_a_minute_stays_in_step_and_keeps_its_pitch(tmp_path: Path) -> None:
    """A tone of 441 Hz that stops for a tenth of a second at every tenth second, beside pictures of 29.97 fps."""
    time = np.arange(60 * 48000) / 48000
    tone = (8000 * np.sin(2 * np.pi * 441 * time) * ((time + 0.05) % 10 > 0.1)).astype(np.int16)
    clip = make_clip(
        tmp_path / "clip.mp4", rate=Fraction(30000, 1001), pictures=[numbered(0)] * 1798, sound=tone
    )
    heard = samples(transcoded(tmp_path, clip).out / "video.mp4")
    quiet = np.array([np.abs(heard[int(t * 48000) - 960 : int(t * 48000) + 960]).max() for t in (10, 30, 50)])
    assert (quiet < 400).all()
    loud = np.array(
        [np.abs(heard[int(t * 48000) - 960 : int(t * 48000) + 960]).max() for t in (9.9, 30.1, 50.1)]
    )
    assert (loud > 4000).all()
    spectrum = np.abs(np.fft.rfft(heard[20 * 48000 : 24 * 48000] * np.hanning(4 * 48000)))
    assert abs(int(spectrum.argmax()) / 4 - 441) <= 0.25


def test_of_several_tracks_the_marked_one_is_heard(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as output:
        video = output.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        tracks = [output.add_stream("aac", rate=48000, layout="mono") for _ in range(2)]
        tracks[0].disposition, tracks[1].disposition = Disposition(0), Disposition.default
        for number in range(25):
            frame = VideoFrame.from_ndarray(numbered(number), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for track, size in zip(tracks, (0, 9000), strict=True):
            wave = (size * np.sin(np.arange(48000) / 20)).astype(np.int16)
            chunk = AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
            chunk.sample_rate, chunk.pts, chunk.time_base = 48000, 0, Fraction(1, 48000)
            output.mux(track.encode(chunk))
            output.mux(track.encode(None))
    job = transcoded(tmp_path, clip)
    assert "audio track 2 of 2 taken" in job.json("facts.json")["changes"]
    assert np.abs(samples(job.out / "video.mp4")).max() > 6000


@pytest.mark.parametrize(
    ("value", "corner", "size"),
    [(1, "bottom left", (96, 64)), (3, "top right", (96, 64)), (6, "top left", (64, 96)),
     (8, "bottom right", (64, 96)), (2, "bottom right", (96, 64)), (4, "top left", (96, 64)),
     (5, "top right", (64, 96)), (7, "bottom left", (64, 96))],
)  # fmt: skip
def test_a_photo_is_turned_as_its_camera_was_held(
    tmp_path: Path, value: int, corner: str, size: tuple[int, int]
) -> None:
    photo = make_still(tmp_path / "photo.jpg", numbered(5), "mjpeg", "yuvj444p")
    exif = Image.Exif()
    exif[Base.Orientation] = value
    with Image.open(photo) as picture:
        expected = ImageOps.exif_transpose(_with(picture, exif, photo))
    job = transcoded(tmp_path, photo)
    frame = read_frames(job.out / "video.mp4")[0]
    assert frame.shape[:2] == size[::-1]
    assert _corner(frame) == corner
    assert np.abs(frame.astype(int) - np.asarray(expected.convert("RGB"))).mean() < 6


def _with(picture: Image.Image, exif: Image.Exif, path: Path) -> Image.Image:
    """Write the picture anew with these EXIF data, and read it."""
    picture.save(path, exif=exif, quality=95)
    return Image.open(path)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 200), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_exif_data_leave_a_photo_as_it_is(changes: list[tuple[int, int]]) -> None:
    exif = Image.Exif()
    exif[Base.Orientation], exif[Base.Make] = 6, "camera"
    buffer = io.BytesIO()
    Image.fromarray(numbered(5)).save(buffer, "JPEG", exif=exif)
    content = bytearray(buffer.getvalue())
    for place, value in changes:
        content[place] = value
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        Path(file.name).write_bytes(content)
        assert orientation_of_photo(Path(file.name)).clockwise in (0, 90, 180, 270)


def test_transparent_parts_are_white_and_told(tmp_path: Path) -> None:
    pixels = np.dstack([numbered(5), np.full((64, 96), 255, np.uint8)])
    pixels[32:48, :, 3], pixels[48:, :, 3] = 0, 128
    Image.fromarray(pixels, "RGBA").save(tmp_path / "still.png")
    job = transcoded(tmp_path, tmp_path / "still.png")
    frame = read_frames(job.out / "video.mp4")[0].astype(int)
    assert "transparent parts filled with white" in job.json("facts.json")["changes"]
    assert frame[36:44].min() > 245
    assert np.abs(frame[52:60, 40:90] - (90 + 255) / 2).mean() < 4
    assert np.abs(frame[4:28].astype(int) - numbered(5)[4:28]).mean() < 4
