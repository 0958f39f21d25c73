"""Previews are small, silent and play in browsers."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from ltxbuild.job import StageError
from ltxbuild.stages.preview import preview_size
from tests.fake_job import as_file
from tests.stages_media.footage import make_clip, number_of, read_frames, run_stage

SIDES = {"max_side": 512, "min_side": 256}


def test_a_tiny_video_is_enlarged_and_loses_its_sound(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=12, sound=np.zeros(24000, np.int16))
    preview = run_stage("preview", tmp_path, SIDES, video=as_file(clip)).out / "preview.mp4"
    with av.open(str(preview)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height, video.pix_fmt) == (288, 192, "yuv420p")
        assert video.codec_context.profile == "Main"
        assert video.average_rate == 24
        assert not container.streams.audio
    content = preview.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is loaded
    assert [number_of(frame) for frame in read_frames(preview)] == list(range(12))


def test_sizes() -> None:
    assert preview_size(1920, 1080, 512, 256) == ((512, 288), "BICUBIC")
    assert preview_size(300, 201, 512, 256) == ((300, 200), "BICUBIC")
    assert preview_size(64, 64, 512, 256) == ((256, 256), "POINT")
    assert preview_size(1000, 10, 512, 0) == ((512, 6), "BICUBIC")


def test_no_video_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"")
    with pytest.raises(StageError, match="the file is empty"):
        run_stage("preview", tmp_path, SIDES, video=as_file(path))
