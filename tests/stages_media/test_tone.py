"""HDR becomes ordinary video by the formulas of BT.2100 and BT.2390, and interlaced frames become whole ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltxbuild.stages.media.combing import comb_ratio
from ltxbuild.stages.media.tone import PEAK, WHITE, compressed, hlg_to_nits, nits_to_pq, pq_to_nits, to_sdr
from tests.lint.corpus import each, fields, film, scene
from tests.stages_media.footage import read_frames, transcoded


def array(*values: float) -> Any:
    return np.array(values, np.float64)


def test_the_curves_have_the_values_of_the_standard() -> None:
    np.testing.assert_allclose(
        nits_to_pq(array(0, 100, 203, 1000, 10_000)), [0, 0.508, 0.581, 0.752, 1], atol=6e-4
    )
    np.testing.assert_allclose(pq_to_nits(nits_to_pq(array(0.1, 26, 900))), [0.1, 26, 900], rtol=1e-6)
    # HLG: 75 % is reference white, 203 nits on a display of 1,000 (BT.2408).
    np.testing.assert_allclose(hlg_to_nits(array(0.75, 0.75, 0.75))[0], 203, rtol=0.01)
    np.testing.assert_allclose(hlg_to_nits(array(1, 1, 1))[0], PEAK, rtol=0.01)


def test_shadows_stay_highlights_are_bent_and_the_peak_is_white() -> None:
    nits = np.linspace(0, PEAK, 400)
    bent = compressed(nits)
    assert (np.diff(bent) >= -1e-9).all(), "brighter stays brighter"
    np.testing.assert_allclose(bent[nits < 40], nits[nits < 40], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(bent[-1], WHITE, rtol=0.01)
    grey = to_sdr(nits_to_pq(np.repeat(nits[:, None], 3, 1)), "pq")
    assert np.ptp(grey, axis=1).max() < 1e-3, "grey stays grey"
    assert grey[0].max() == 0 and grey[-1].min() > 0.999
    red = to_sdr(nits_to_pq(array(100, 5, 5)), "pq")
    assert red[0] > 2 * red[1], "red stays red"


@pytest.mark.parametrize(("transfer", "kind"), [(16, "pq"), (18, "hlg")])
def test_an_hdr_clip_is_mapped_and_told(transfer: int, kind: str, tmp_path: Path) -> None:
    bars = np.zeros((12, 64, 96, 3), np.uint8)
    levels = (150, 93, 0)
    for i, level in enumerate(levels):
        bars[:, :, 32 * i : 32 * i + 32] = level
    film(bars, codec="libx265", pixels="yuv420p10le", transfer=transfer)(tmp_path / "hdr.mp4")
    job = transcoded(tmp_path, tmp_path / "hdr.mp4")
    assert f"HDR ({kind.upper()}) tone-mapped to BT.709" in job.json("facts.json")["changes"]
    assert not job.json("facts.json")["passed_through"]
    frame = read_frames(job.out / "video.mp4")[6].astype(int)
    for i, level in enumerate(levels):
        wanted = 255 * to_sdr(array(*[level / 255] * 3), kind)
        np.testing.assert_allclose(frame[32, 16 + 32 * i], wanted, atol=4)


def test_an_interlaced_clip_loses_its_combs_and_keeps_its_length(tmp_path: Path) -> None:
    import cv2

    soft = each(scene(37, 48, (4, 0)), lambda p, _: cv2.GaussianBlur(p, (0, 0), 1.4))
    woven = fields(soft)
    film(woven, options={"flags": "+ilme+ildct", "x264-params": "tff=1"})(tmp_path / "woven.mp4")
    job = transcoded(tmp_path, tmp_path / "woven.mp4")
    assert "deinterlaced" in job.json("facts.json")["changes"]
    frames = [frame.astype(np.float32).mean(2) for frame in read_frames(job.out / "video.mp4")]
    assert len(frames) == len(woven)
    before = [frame.astype(np.float32).mean(2) for frame in woven]
    combed, whole = comb_ratio(before[9], before[10]), comb_ratio(frames[9], frames[10])
    assert combed is not None and whole is not None
    assert combed > 1.5 > 0.9 > whole
    again = transcoded(tmp_path, tmp_path / "woven.mp4")
    assert (again.out / "video.mp4").read_bytes() == (job.out / "video.mp4").read_bytes()
