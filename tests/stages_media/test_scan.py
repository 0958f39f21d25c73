"""What one look at every frame finds: cuts, black, stillness, hashes, truncation."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from ltxbuild.lint.similarity import hash_distance, numbers
from ltxbuild.stages.media.cuts import find_cuts
from ltxbuild.stages.media.strip import Sampler
from tests.stages_media.footage import Array, make_clip, make_still, numbered, scanned


def scene(seed: int, shift: int = 0, width: int = 96, height: int = 64) -> Array:
    """A coloured picture of soft ground and rectangles that move to the right by `shift` pixels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    layers = [60 + 100 * (a * x / width + (1 - a) * y / height) for a in random.uniform(0, 1, 3)]
    picture = np.stack(layers, axis=2)
    for _ in range(9):
        top, left = int(random.integers(0, height - 12)), int(random.integers(-20, width - 12))
        tall, wide = random.integers(10, 30, 2)
        left = max(0, left + shift)
        picture[top : top + tall, left : left + wide] = random.uniform(20, 240, 3)
    return np.clip(picture, 0, 255).astype(np.uint8)


def moving(seed: int, frames: int = 24) -> list[Array]:
    return [scene(seed, shift) for shift in range(frames)]


def test_a_hard_cut_is_found_at_its_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=moving(1, 20) + moving(2, 20))
    scan = scanned(tmp_path, clip).json("scan.json")
    assert [cut["time"] for cut in scan["cuts"]] == [pytest.approx(20 / 24, abs=0.001)]
    assert scan["frames"] == 40
    assert len(scan["diff"]) == len(scan["luma_mean"]) == len(scan["black_share"]) == 40


def test_what_start_and_end_leave_out_is_not_seen(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=moving(1, 20) + moving(2, 20))
    for cut in ({"end": 0.83}, {"start": 0.83}, {"start": 0.84, "end": 1.5}):
        assert scanned(tmp_path, clip, **cut).json("scan.json")["cuts"] == []
    assert scanned(tmp_path, clip, start=0.5, end=1.0).json("scan.json")["frames"] == 12


def test_cuts_at_the_very_edges() -> None:
    calm = [2.0] * 20
    assert [i for i, _ in find_cuts([0.0, 60.0, *calm])] == [1]
    assert [i for i, _ in find_cuts([0.0, *calm, 60.0])] == [21]


def test_steady_motion_and_animation_on_threes_are_no_cuts() -> None:
    assert find_cuts([0.0] + [40.0, 38.0, 44.0, 41.0] * 5) == []
    assert find_cuts([0.0] + [30.0, 0.0, 0.0] * 8) == []
    assert find_cuts([0.0, 0.0, 14.0, 0.0]) == []


def test_black_and_frozen(tmp_path: Path) -> None:
    black = [np.zeros((64, 96, 3), np.uint8)] * 12
    clip = make_clip(tmp_path / "clip.mp4", pictures=[*black, *moving(3, 12), *[scene(3, 11)] * 18])
    scan = scanned(tmp_path, clip).json("scan.json")
    assert [share >= 0.98 for share in scan["black_share"]] == [True] * 12 + [False] * 30
    assert scan["frozen"][-1][1] - scan["frozen"][-1][0] == pytest.approx(18 / 24, abs=0.05)
    assert scan["luma_mean"][0] < 3


def test_hashes_survive_recompression_and_tell_scenes_apart(tmp_path: Path) -> None:
    def hashes(name: str, pictures: list[Array], **how: str) -> list[str]:
        clip = make_clip(tmp_path / name, pictures=pictures, **how)  # type: ignore[arg-type]
        found: list[str] = scanned(tmp_path, clip).json("scan.json")["hash"]
        return found

    one = hashes("one.mp4", moving(1))
    again = hashes("again.avi", [frame[2:-2, 2:-2] for frame in moving(1)], codec="mpeg4")
    other = hashes("other.mp4", moving(9))
    assert len(one) == 5
    assert all(len(h) == 16 for h in one)
    assert hash_distance(numbers(one), numbers(again)) <= 10
    assert hash_distance(numbers(one), numbers(other)) >= 20


def test_the_strip_is_a_small_jpeg_and_upright(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", rotation=-90, frames=12)
    strip = scanned(tmp_path, clip).out / "strip.jpg"
    assert strip.read_bytes()[:3] == b"\xff\xd8\xff"
    assert strip.stat().st_size < 60_000
    with av.open(str(strip)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (6 * 64, 96)


def _with_header_first(path: Path, frames: int) -> Path:
    """An mp4 whose index comes first, so that it opens even when its end is missing."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("libx264", rate=24, options={"g": "12", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        random = np.random.default_rng(0)
        for i in range(frames):
            noisy = np.clip(numbered(i) + random.integers(-20, 20, (64, 96, 3)), 0, 255).astype(np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        output.mux(stream.encode(None))
    return path


def test_truncated_files(tmp_path: Path) -> None:
    whole = _with_header_first(tmp_path / "whole.mp4", 48)
    assert scanned(tmp_path, whole).json("readable.json") == {"ok": True, "why": ""}
    content = whole.read_bytes()
    half = tmp_path / "half.mp4"
    half.write_bytes(content[: len(content) // 2])
    job = scanned(tmp_path, half)
    error = job.json("scan.json")["error"]
    assert error["code"] == "CLP002"
    assert "of 48 frames can be decoded" in error["message"]
    assert job.json("readable.json")["ok"] is False
    # Its good part can be used.
    assert scanned(tmp_path, half, end=0.4).json("scan.json")["error"] is None


def test_a_truncated_matroska_file(tmp_path: Path) -> None:
    pictures = [np.random.default_rng(i).integers(0, 255, (64, 96, 3)).astype(np.uint8) for i in range(48)]
    content = make_clip(tmp_path / "whole.mkv", pictures=pictures).read_bytes()
    half = tmp_path / "half.mkv"
    half.write_bytes(content[: len(content) // 2])
    assert scanned(tmp_path, half).json("scan.json")["error"]["code"] == "CLP002"


def test_nothing_left(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=24)
    job = scanned(tmp_path, clip, start=5.0)
    assert job.json("scan.json")["error"]["code"] == "CLP003"
    assert job.json("readable.json")["ok"] is False


def test_bad_files_still_give_every_output(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"")
    job = scanned(tmp_path, clip)
    assert job.json("scan.json")["error"] == {"code": "CLP001", "message": "the file is empty"}
    assert (job.out / "strip.jpg").stat().st_size > 0


def test_a_still_has_no_motion(tmp_path: Path) -> None:
    scan = scanned(tmp_path, make_still(tmp_path / "a.png", scene(1), "png", "rgb24")).json("scan.json")
    assert (scan["frames"], scan["cuts"], scan["frozen"], len(scan["hash"])) == (1, [], [], 5)


def test_the_same_result_each_time(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=moving(4))
    one, two = scanned(tmp_path, clip), scanned(tmp_path, clip)
    for name in ("scan.json", "strip.jpg", "readable.json"):
        assert (one.out / name).read_bytes() == (two.out / name).read_bytes()


def pictures(folder: Path, count: int) -> list[Array]:
    """The pictures of moments.jpg, one after the other."""
    with av.open(str(folder / "moments.jpg")) as container:
        row = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return np.split(row, count, axis=1)


def test_moments_show_what_is_before_and_after(tmp_path: Path) -> None:
    black = [np.zeros((64, 96, 3), np.uint8)] * 14
    clip = make_clip(tmp_path / "clip.mp4", pictures=moving(1, 20) + moving(2, 20) + black)
    job = scanned(tmp_path, clip)
    scan = job.json("scan.json")
    moments = job.json("moments.json")
    shown = [(m["time"], m["pictures"]) for m in moments["shown"]]
    assert shown[0] == (scan["cuts"][0]["time"], 2)
    assert (moments["first_black"], 1) == shown[-1]
    assert moments["first_black"] == pytest.approx(40 / 24, abs=0.001)
    assert moments["size"] == [96, 64]
    found = pictures(job.out, sum(count for _, count in shown))
    for picture, wanted in ((found[0], scene(1, 19)), (found[1], scene(2, 0)), (found[-1], black[0])):
        assert np.abs(picture.astype(int) - wanted).mean() < 12


def test_a_clip_without_moments_has_no_picture_of_them(tmp_path: Path) -> None:
    job = scanned(tmp_path, make_clip(tmp_path / "clip.mp4", pictures=moving(1, 20)))
    assert job.json("moments.json") == {"first_black": None, "size": [0, 0], "shown": []}
    assert (job.out / "moments.jpg").read_bytes() == b""


@pytest.mark.parametrize("length", [3, 479, 480, 481, 2000, 5000])
def test_of_a_long_clip_the_kept_pictures_lie_on_their_side_of_a_cut(length: int) -> None:
    kept = Sampler(480)
    for number in range(length):
        kept.add(np.full((1, 1, 3), number // 100, np.uint8))
    for cut in range(100, length - 100, 100):
        assert kept.before(cut - 1)[0, 0, 0] == cut // 100 - 1
        assert kept.after(cut)[0, 0, 0] == cut // 100
