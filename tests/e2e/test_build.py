"""The promise, through the real command on the demo project: built once, never redone, restored, explained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.project import Run, edit, kill_when, make_demo, run


@pytest.fixture
def project(built: tuple[Path, Run], tmp_path: Path) -> Path:
    """A copy of the built project, store included, free to be changed."""
    folder = tmp_path / "mira"
    shutil.copytree(built[0], folder)
    return folder


def lora(folder: Path) -> bytes:
    return (folder / "build" / "mira.safetensors").read_bytes()


def test_first_build_delivers_a_lora_and_a_report(built: tuple[Path, Run]) -> None:
    folder, first = built
    assert first.code == 0, first.err
    assert lora(folder)
    assert (folder / "build" / "report.html").read_text().startswith("<!doctype html>")
    report = json.loads((folder / "build" / "report.json").read_text())
    assert report["export"]["max_difference"] <= report["export"]["tolerance"]
    assert (folder / "ltxbuild.lock").exists()


def test_second_build_does_nothing_and_says_so(project: Path) -> None:
    again = run(project)
    assert again.code == 0
    assert again.out.startswith("up to date (")
    assert run(project, "status", "--exit-code").code == 0


def test_formatting_of_the_files_rebuilds_nothing(project: Path) -> None:
    path = project / "captions.toml"
    lines = [line for line in path.read_text().splitlines() if "=" in line]
    path.write_text("\r\n".join(["# other order, CRLF", *reversed(lines), ""]), newline="")
    assert run(project, "--json").ran() == []


def test_one_caption_is_encoded_again_and_undo_restores_without_training(project: Path) -> None:
    before = lora(project)
    captions = project / "captions.toml"
    original = captions.read_text()
    key, caption = next(line.split(" = ", 1) for line in original.splitlines() if line.startswith("mira_"))
    edit(captions, caption, caption.replace("mira_char ", "mira_char, seen again, "))

    why = run(project, "why", f"text:{key}")
    assert f"caption of {key} changed" in why.out
    assert "seen again" in why.out

    changed = run(project, "--json")
    assert changed.code == 0, changed.err
    ran = changed.ran()
    assert {i for i in ran if i.startswith(("text:", "plain:"))} == {f"text:{key}", f"plain:{key}"}
    assert not any(i.startswith(("probe:", "scan:", "transcode:", "latents:", "bucket:")) for i in ran)
    assert any(i.startswith("train:") for i in ran)
    assert lora(project) != before

    captions.write_text(original)
    restored = run(project, "--json")
    assert restored.code == 0, restored.err
    assert not any(i.startswith(("train:", "tail:", "text:")) for i in restored.ran())
    assert lora(project) == before


def test_renaming_a_clip_trains_nothing(project: Path) -> None:
    clip = next((project / "clips").iterdir())
    edit(project / "captions.toml", f"{clip.stem} = ", "renamed = ")
    clip.rename(clip.with_stem("renamed"))
    before = lora(project)
    done = run(project, "--json")
    assert done.code == 0, done.err
    heavy = ("train:", "tail:", "text:", "plain:", "latents:", "sample:", "loss:", "export:")
    assert not [i for i in done.ran() if i.startswith(heavy)]
    assert lora(project) == before


def test_killed_in_training_and_continued_gives_the_same_bytes(
    built: tuple[Path, Run], tmp_path: Path
) -> None:
    folder = make_demo(tmp_path / "mira")
    kill_when(folder, [], '"action":"train:fast:0008","event":"progress"')
    assert not (folder / "build" / "mira.safetensors").exists()
    done = run(folder, "--json")
    assert done.code == 0, done.err
    assert "train:fast:0004" not in done.ran()
    assert lora(folder) == lora(built[0])


def test_a_deliverable_that_was_edited_is_kept_aside(project: Path) -> None:
    target = project / "build" / "mira.safetensors"
    before = target.read_bytes()
    target.write_bytes(b"mine")
    done = run(project)
    assert done.code == 0
    assert target.read_bytes() == before
    assert target.with_name("mira.safetensors.local").read_bytes() == b"mine"
    assert "mira.safetensors.local" in done.err


def test_deleting_the_build_folder_trains_nothing(project: Path) -> None:
    before = lora(project)
    shutil.rmtree(project / "build")
    done = run(project, "--json")
    assert done.code == 0
    assert done.ran() == []
    assert lora(project) == before


def test_quality_waits_for_the_verdict_of_fast_and_may_be_let_past(project: Path) -> None:
    held = run(project, "--mode", "quality", "--json")
    assert held.code == 1
    # Two prompts decide nothing, so the gate stays closed; only what costs no training was made.
    why = next(
        str(e["why"]) for e in held.events if e["event"] == "blocked" and "train:quality" in str(e["action"])
    )
    assert why.startswith("gate: ")
    assert not any(i.startswith(("train:", "tail:")) for i in held.ran()), (
        "fast is there already, quality waits"
    )
    assert not (project / "build" / "quality" / "mira.safetensors").exists()

    passed = run(project, "--mode", "quality", "--past-gate", "--json")
    assert passed.code == 0, passed.err
    assert "train:quality:0004" in passed.ran()
    quality = (project / "build" / "quality" / "mira.safetensors").read_bytes()
    assert quality != lora(project), "the project's own LoRA stays as it was"
    history = [json.loads(line) for line in run(project, "builds", "--json").out.splitlines()]
    assert [build["past_gate"] for build in history][-1] == ["gate"]
