"""A detector in a real folder through the real command: findings, crops, the lock, and nothing done twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.detect.models import save, save_listener
from tests.e2e.project import make_demo, run

SEEN = "subject:mira_01"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = make_demo(tmp_path / "mira")
    for clip in sorted((root / "clips").iterdir())[2:]:
        clip.unlink()
    save("grounding-dino", tmp_path / "eyes")
    with (root / "lora.toml").open("a") as file:
        file.write('\n[lint]\ndetector = "../eyes"\n')
    return root


def asked(ran: list[str]) -> set[str]:
    return {name for name in ran if name.startswith(("subject:", "lint:asked"))}


def test_findings_come_once_and_not_without_a_detector(folder: Path) -> None:
    first = run(folder, "lint", "--json")
    clips = {f"subject:{path.stem}" for path in (folder / "clips").iterdir()}
    assert asked(first.ran()) == {*clips, "lint:asked"}
    assert "SUB301" not in run(folder, "lint").err, "it ran"

    settings = (folder / "lora.toml").read_text()
    (folder / "lora.toml").write_text(settings.partition("\n[lint]")[0])
    without = run(folder, "lint", "--json")
    assert asked(without.ran()) == set()
    assert "no detector: SUB301, SUB302" in without.err
    assert "AUD505" not in without.err, "no sound is trained"


@pytest.mark.slow
def test_findings_follow_the_detectors_content(folder: Path, tmp_path: Path) -> None:
    clips = asked(run(folder, "lint", "--json").ran()) - {"lint:asked"}
    (tmp_path / "eyes").rename(tmp_path / "others")
    settings = (folder / "lora.toml").read_text()
    (folder / "lora.toml").write_text(settings.replace("../eyes", "../others"))
    assert run(folder, "lint", "--json").ran() == [], "the same weights at another place"

    weights = tmp_path / "others" / "model.safetensors"
    tensors = load_file(weights)
    name = next(n for n, t in tensors.items() if t.dtype == torch.float32 and t.numel() > 1)
    save_file({**tensors, name: tensors[name] + 0.5}, weights, {"format": "pt"})
    assert clips <= set(run(folder, "lint", "--json").ran())


def test_a_crop_on_the_subject_is_where_it_was_seen(folder: Path) -> None:
    done = run(folder, "bucket", "-s", "bucket.crop=subject", "-s", "bucket.shapes=[[32, 64]]", "--json")
    assert done.code == 0, done.err
    assert SEEN in done.ran()
    lint = run(folder, "lint", "-s", "bucket.crop=subject", "-s", "bucket.shapes=[[32, 64]]")
    page = next((folder / "build").glob("variant-*/lint.html")).read_text()
    assert lint.code in (0, 1)
    assert "once the subject is found" in page


def test_a_detector_that_cannot_be_had_is_named(folder: Path) -> None:
    settings = (folder / "lora.toml").read_text()
    (folder / "lora.toml").write_text(settings.replace("../eyes", "../nowhere"))
    for verb in (["lint"], ["bucket", "-s", "bucket.crop=subject"]):
        done = run(folder, *verb)
        assert done.code == 1
        assert "error[B172]" in done.err and "Traceback" not in done.err
    assert run(folder, "status").code == 0, "status asks no model"


def test_no_build_waits_for_a_model_to_tell_what_is_stale(folder: Path) -> None:
    done = run(folder, "status", "--json")
    assert done.code == 0
    states = {json.loads(line).get("action"): json.loads(line).get("state") for line in done.out.splitlines()}
    assert states[SEEN] in ("run", "maybe")


def test_what_is_heard_is_asked_of_the_captions_where_sound_is_trained(folder: Path, tmp_path: Path) -> None:
    save_listener(tmp_path / "ears")
    more = ["-s", "train.audio=generated", "-s", 'lint.detector=""']
    assert "no listener: AUD505" in run(folder, "lint", *more).err
    done = run(folder, "lint", *more, "-s", 'lint.listener="../ears"', "--json")
    clips = {f"hearing:{path.stem}" for path in (folder / "clips").iterdir()}
    assert clips <= set(done.ran())
    assert "AUD505" not in done.err
