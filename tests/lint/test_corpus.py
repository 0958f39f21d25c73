"""Every defect is found by its rule, and no rule speaks of a clip that has not its defect: through the real stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ltxbuild.lint.facts import ClipFacts, SetFacts
from ltxbuild.lint.registry import RULES, rules_of
from tests.lint.corpus import SINGLE, Array, Sample, clean, film, marked, scene
from tests.stages_media.footage import probed, run_stage

CAPTION = "mira_char, a woman with a red scarf, walks along a rainy street at night."
SMALLEST = {"frames": 33, "width": 128, "height": 96}


def facts(root: Path, name: str, sample: Sample, kind: str = "character") -> ClipFacts:
    """Write a clip, probe and scan it."""
    place = root / name.replace(".", "_")
    place.mkdir()
    sample.write(place / name)
    source, probe = probed(place, place / name)
    scan = run_stage("scan", place, {"start": None, "end": None}, clip=source, probe=probe)
    seen = json.loads(probe.path.read_text())
    return ClipFacts(
        name, f"clips/{name}", CAPTION, "mira_char", "woman", kind, False, seen, scan.json("scan.json"),
        smallest=SMALLEST,
    )  # fmt: skip


def of_clip(clip: ClipFacts) -> set[str]:
    return {finding["code"] for rule in rules_of("clip") for finding in rule.findings(clip)}  # type: ignore[misc]


@pytest.mark.parametrize("sample", SINGLE, ids=lambda s: s.name)
def test_a_clip_has_the_findings_that_it_deserves_and_no_others(sample: Sample, tmp_path: Path) -> None:
    clip = facts(tmp_path, sample.name, sample)
    assert of_clip(clip) == sample.codes, {
        k: v for k, v in clip.scan.items() if isinstance(v, (float, int, list))
    }


def test_the_corpus_is_large_and_leaves_no_rule_about_pixels_out() -> None:
    assert len(SINGLE) >= 60
    named = {code for sample in SINGLE for code in sample.codes}
    by_clip = {
        code
        for code, rule in RULES.items()
        if rule.scope == "clip" and code[:3] in ("CLP", "PIX", "MOT", "AUD")
    }
    assert by_clip - named == UNNAMED


# What no clip alone can show: it needs the bucket, or the caption file.
UNNAMED = {"CLP005", "CLP011"}


def of_set(root: Path, clips: dict[str, Array], kind: str = "character", **more: Any) -> dict[str, list[str]]:
    """Findings of the set, by code: the clips named."""
    scans = {name: facts(root, f"{name}.mp4", Sample(name, film(p)), kind).scan for name, p in clips.items()}
    captions: dict[str, str | None] = dict.fromkeys(scans, CAPTION)
    dataset = SetFacts(captions, scans, (), "mira_char", kind, "fast", class_word="woman", **more)  # type: ignore[arg-type]
    found: dict[str, list[str]] = {}
    for rule in rules_of("set"):
        if rule.code[:3] in ("SET", "PIX", "MOT", "SUB") and rule.code != "SET401":
            for finding in rule.findings(dataset):
                found.setdefault(rule.code, []).append(str(finding["where"]["key"]))  # type: ignore[index,call-overload]
    return found


def varied(count: int, pan: tuple[int, int] | None = None) -> dict[str, Array]:
    """Short scenes of their own colours, light and camera."""
    pans = [(3, 1), (-3, 0), (0, 2), (1, -3), (0, 0), (-2, -2), (4, 0), (0, -2)]
    return {f"c{i}": scene(100 + i, 16, pan or pans[i % len(pans)]) for i in range(count)}


def test_a_varied_set_has_no_findings(tmp_path: Path) -> None:
    assert of_set(tmp_path, varied(9)) == {}


def test_twins_mirrors_and_pieces_of_one_shot_are_found(tmp_path: Path) -> None:
    clips, shot = varied(3), scene(120, 40, (5, 1))
    clips["near"] = np.ascontiguousarray(clips["c0"][:, 6:-6, 10:-10])
    clips["flip"] = np.ascontiguousarray(clips["c1"][:, :, ::-1])
    clips["one"], clips["two"] = shot[:20], shot[19:]
    found = of_set(tmp_path, clips)
    assert found == {"SET402": ["near"], "SET403": ["flip"], "SET407": ["two"]}


def test_a_watermark_in_every_clip_is_found(tmp_path: Path) -> None:
    found = of_set(tmp_path, {name: marked(pictures) for name, pictures in varied(8).items()}, "style")
    assert found == {"PIX113": ["None"]}


def test_a_camera_that_all_clips_share_is_found(tmp_path: Path) -> None:
    assert of_set(tmp_path, varied(8, pan=(4, 0))) == {"MOT203": ["None"]}


def test_motion_that_goes_both_ways_is_found(tmp_path: Path) -> None:
    room = scene(140, 1)[0]

    def crossing(seed: int, way: int) -> Array:
        disc, out = scene(seed, 1)[0], []
        y, x = np.mgrid[: room.shape[0], : room.shape[1]]
        for i in range(16):
            inside = np.hypot(x - (160 + way * (i - 8) * 8), y - 90) < 50
            out.append(np.where(inside[..., None], np.roll(disc, way * i * 8, 1), scene(seed + 60, 1)[0]))
        return np.stack(out)

    one_way = {f"c{i}": crossing(150 + i, 1) for i in range(6)}
    assert "MOT204" not in of_set(tmp_path, one_way, "motion")
    both = {f"d{i}": crossing(150 + i, 1 if i < 4 else -1) for i in range(6)}
    (tmp_path / "both").mkdir()
    assert of_set(tmp_path / "both", both, "motion")["MOT204"] == ["None"]


def test_an_outlier_and_a_single_scene_are_found(tmp_path: Path) -> None:
    """Eight clips of one grey room with one subject each, and one of something else."""
    room = scene(160, 1)[0] // 2 + 40
    clips = {}
    for i in range(8):
        frames = np.repeat(room[None], 16, 0).copy()
        for t in range(16):
            cv2.circle(frames[t], (120 + 8 * t, 96), 22, (200 - 20 * i, 60 + 20 * i, 90), -1)
        clips[f"c{i}"] = frames
    clips["odd"] = np.ascontiguousarray(255 - scene(161, 16))
    found = of_set(tmp_path, clips)
    assert found["SET404"] == ["None"]
    assert found["SUB303"] == ["odd"]


def test_clean_clips_are_at_least_ten() -> None:
    assert sum(not sample.codes for sample in clean()) >= 10
