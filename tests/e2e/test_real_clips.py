"""Film clips as a user has them: lint refuses a hidden cut, trimming mends it, a rehearsal goes through every stage."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.project import edit, run
from tests.stages_media.footage import make_clip, make_still, numbered

CLIPS = Path(__file__).parents[1] / "clips"
SETTINGS = (
    "train.steps=8",
    "train.interval=4",
    "train.warmup=2",
    "evaluate.weights=[0.85, 1.1]",
    'evaluate.prompts=["{subject}, a red circle moves left", "{subject}, a blue square grows"]',
)
SHORT = [word for setting in SETTINGS for word in ("-s", setting)]
CAPTIONS = """
bbb_05 = "bunny_style, a creek between stones, then a purple bird sits on a branch."
bbb_06 = "bunny_style, a purple bird on a branch calls and turns its head."
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "bunny"
    start = ["init", "style", str(target), "--trigger", "bunny_style", "--class", "film"]
    subprocess.run([sys.executable, "-m", "ltxbuild", *start], check=True, capture_output=True, timeout=60)
    for clip in CLIPS.glob("*.mp4"):
        shutil.copy(clip, target / "clips")
    with (target / "captions.toml").open("a") as file:
        file.write(CAPTIONS)
    return target


def test_a_hidden_cut_is_found_and_mended_in_the_captions(folder: Path) -> None:
    found = run(folder, "lint")
    assert found.code == 1
    assert "bbb_05.mp4 at 0.75 s: E PIX101 hard-cut" in found.out
    assert "`start = 0.75`" in found.out
    assert "bbb_06" not in "".join(line for line in found.out.splitlines() if ": E " in line)

    text = '"bunny_style, a creek between stones, then a purple bird sits on a branch."'
    edit(
        folder / "captions.toml", text, '{ caption = "bunny_style, a purple bird sits down.", start = 0.75 }'
    )
    mended = run(folder, "lint")
    assert mended.code == 0, mended.out
    assert "PIX101" not in mended.out


def test_a_rehearsal_takes_real_clips_through_every_stage(folder: Path) -> None:
    edit(folder / "captions.toml", 'bbb_05 = "', 'bbb_05 = { start = 0.75, caption = "')
    edit(folder / "captions.toml", 'on a branch."\nbbb_06', 'on a branch." }\nbbb_06')
    # Three buckets in one training run, in batches of eight: wide clips, upright ones and a still.
    slope = np.broadcast_to(np.linspace(60, 200, 128)[:, None, None], (128, 64, 3)).astype(np.uint8)
    make_clip(folder / "clips" / "upright.mp4", pictures=[np.roll(slope, 2 * i, axis=0) for i in range(24)])
    make_still(folder / "clips" / "still.png", numbered(5, 192, 100), "png", "rgb24")
    with (folder / "captions.toml").open("a") as file:
        file.write('upright = { caption = "bunny_style, a grey column that sinks slowly.", crop = "top" }\n')
        file.write('still = { caption = "bunny_style, bars over a red corner.", repeats = 2 }\n')
    done = run(folder, "rehearse", *SHORT)
    assert done.code == 0, done.err
    assert "rehearsal: every stage ran" in done.err
    build = folder / "build" / "rehearsal"
    report = json.loads((build / "report.json").read_text())
    assert report["rehearsal"] is True
    clips = {clip["name"]: clip for clip in report["clips"]}
    assert clips["bbb_06"]["facts"]["passed_through"] is True, "what fits already is left as it is"
    assert clips["bbb_05"]["facts"]["frames"] == 54, "72 frames less 18 before the cut"
    buckets = {(c["bucket"]["width"], c["bucket"]["height"], c["bucket"]["frames"]) for c in clips.values()}
    assert buckets == {(96, 64, 9), (64, 96, 9), (96, 64, 1)}
    assert clips["upright"]["bucket"]["crop"]["y"] == 0 and clips["bbb_06"]["bucket"]["crop"]["x"] > 0
    trained = [clip for clip in clips.values() if clip["role"] == "train"]
    assert len(trained) == 2 and sum(clip["seen"] for clip in trained) == 8 * 8, (
        "each step shows eight windows"
    )
    for clip in clips.values():
        bucket = clip["bucket"]
        covered = {f for start in bucket["windows"] for f in range(start, start + bucket["frames"])}
        assert covered == set(range(clip["facts"]["frames"])), "windows cover every frame"
    assert report["export"]["max_difference"] <= report["export"]["tolerance"]
    assert "REHEARSAL" in (build / "report.html").read_text()
    assert not (folder / "ltxbuild.lock").exists(), "a rehearsal writes no lock"
    assert not list((folder / "build").glob("*.safetensors")), "and touches none of the project's own results"
