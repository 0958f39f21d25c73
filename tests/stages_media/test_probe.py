"""Container facts, and files that are no clips."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fake_job import as_file
from tests.stages_media.footage import make_clip, make_still, numbered, run_stage


def probe(root: Path, clip: Path) -> dict[str, Any]:
    facts: dict[str, Any] = run_stage("probe", root, clip=as_file(clip)).json("probe.json")
    return facts


def test_a_plain_clip(tmp_path: Path) -> None:
    sound = np.zeros(48000, np.int16)
    facts = probe(tmp_path, make_clip(tmp_path / "clip.mp4", sound=sound))
    assert facts["error"] is None
    assert (facts["kind"], facts["container"], facts["codec"]) == ("video", "mov", "h264")
    assert (facts["width"], facts["height"], facts["rotation"], facts["sar"]) == (96, 64, 0, [1, 1])
    assert (facts["fps"], facts["declared_frames"], facts["vfr"]) == (24.0, 24, False)
    assert abs(facts["duration"] - 1) < 0.01
    assert facts["audio"]["rate"] == 48000
    assert facts["audio"]["channels"] == 1


@pytest.mark.parametrize("rate", [25, Fraction(30000, 1001), 60])
def test_rates_are_constant_in_mp4_and_mkv(tmp_path: Path, rate: Fraction | int) -> None:
    for name in ("clip.mp4", "clip.mkv"):
        facts = probe(tmp_path, make_clip(tmp_path / name, rate=rate, frames=40))
        assert abs(facts["fps"] - float(rate)) < 0.05
        assert facts["vfr"] is False


def test_a_variable_rate(tmp_path: Path) -> None:
    facts = probe(tmp_path, make_clip(tmp_path / "clip.mkv", [0, 0.04, 0.08, 0.4, 0.44, 0.9]))
    assert facts["vfr"] is True
    assert facts["irregularity"] > 5


@pytest.mark.parametrize(("written", "clockwise"), [(-90, 90), (90, 270), (180, 180)])
def test_rotation(tmp_path: Path, written: int, clockwise: int) -> None:
    facts = probe(tmp_path, make_clip(tmp_path / "clip.mp4", rotation=written, frames=3))
    assert (facts["rotation"], facts["mirrored"]) == (clockwise, False)


def test_stills_and_aspect(tmp_path: Path) -> None:
    still = probe(tmp_path, make_still(tmp_path / "still.png", numbered(1), "png", "rgb24"))
    assert (still["kind"], still["declared_frames"], still["vfr"]) == ("image", 1, None)
    wide = probe(tmp_path, make_clip(tmp_path / "wide.mp4", aspect=Fraction(4, 3), frames=3))
    assert wide["sar"] == [4, 3]


def _huge_png() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


BAD = {
    "empty.mp4": (b"", "the file is empty"),
    "text.mp4": (b"not a video\n" * 99, "none of the formats"),
    "list.mp4": (
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://example.org/a.ts\n",
        "none of the formats",
    ),
    "concat.mkv": (b"ffconcat version 1.0\nfile /etc/passwd\n", "none of the formats"),
    "box.mp4": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "cannot be opened"),
    "noise.mkv": (b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 8, "cannot be opened"),
    "huge.png": (_huge_png(), "60000x60000 are larger"),
    "broken.png": (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40" + b"x" * 40, ""),
    "broken.jpg": (b"\xff\xd8\xff\xe0" + b"nothing" * 9, ""),
    "broken.gif": (b"GIF89a\x40\0\x40\0\0\0\0", ""),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_is_no_clip_is_a_result(tmp_path: Path, name: str) -> None:
    content, message = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    error = probe(tmp_path, path)["error"]
    assert error["code"] == "CLP001"
    assert message in error["message"]
    assert str(tmp_path) not in error["message"]


def test_audio_alone_is_no_clip(tmp_path: Path) -> None:
    import av
    from av.audio.frame import AudioFrame

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48000, layout="mono")
        chunk = AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
        chunk.sample_rate = 48000
        output.mux(stream.encode(chunk))
        output.mux(stream.encode(None))
    assert probe(tmp_path, path)["error"]["message"] == "it holds no video"
