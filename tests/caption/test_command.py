"""The real command on a real folder with real clips and a tiny model of a real class."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tomli

pytest.importorskip("PIL")

from ltxbuild.cli import main
from ltxbuild.project.project import load
from ltxbuild.project.template import write_template
from tests.caption.models import save
from tests.stages_media.footage import make_still, numbered
from tests.terminal import on_terminal

CLIPS = Path(__file__).parents[1] / "clips"
BEFORE = """# by hand
"bbb_06.mp4" = { start = 0.5, repeats = 2 }   # the bird
mine = "mira_char, a woman waves from a window at noon."
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save("qwen2_vl", tmp_path_factory.mktemp("model"))
    path = folder / "generation_config.json"
    # Random weights may end a sentence before it began.
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": None}))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "p"
    write_template("character", root, name="mira", trigger="mira_char", class_word="woman", base="ltx-2.3")
    for name in ("bbb_05.mp4", "bbb_06.mp4"):
        shutil.copy(CLIPS / name, root / "clips")
    shutil.copy(CLIPS / "bbb_06.mp4", root / "clips" / "mine.mp4")
    (root / "captions.toml").write_text(BEFORE)
    return root


def entries(folder: Path) -> dict[str, object]:
    return tomli.loads((folder / "captions.toml").read_text())


def test_clips_without_caption_get_drafts_and_nothing_else_changes(
    folder: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["caption", "-C", str(folder), "--model", str(model)]
    assert main([*command, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["clip"] for event in told] == ["bbb_05", "bbb_06"]
    found = {event["clip"]: event["caption"] for event in told}
    assert all(caption.startswith("mira_char, ") and "woman" in caption for caption in found.values())
    bird = f'"bbb_06.mp4" = {{ caption = "{found["bbb_06"]}", draft = true, start = 0.5, repeats = 2 }}   # the bird'
    new = f'bbb_05 = {{ caption = "{found["bbb_05"]}", draft = true }}'
    after = (folder / "captions.toml").read_text()
    assert sorted(after.splitlines()) == sorted(["# by hand", bird, BEFORE.splitlines()[2], new])
    assert {clip.key for clip in load(folder).clips if clip.draft} == {"bbb_05", "bbb_06"}
    assert (folder / "build" / "captions" / "index.html").read_text().count("data:image/jpeg") == 2
    # A draft is no gap, and a caption is never overwritten.
    assert main(command) == 0
    assert main([*command, "mine", "--redo"]) == 0
    assert (folder / "captions.toml").read_text() == after
    # The same model says the same of the same clip.
    assert main([*command, "--redo", "bbb_05"]) == 0
    assert (folder / "captions.toml").read_text() == after


def test_a_clip_that_cannot_be_read_costs_no_other_its_draft(
    folder: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "clips" / "bbb_05.mp4").write_bytes(b"damaged")
    make_still(folder / "clips" / "still.png", numbered(5), "png", "rgb24")
    assert main(["caption", "-C", str(folder), "--model", str(model)]) == 1
    assert "error: clips/bbb_05.mp4" in capsys.readouterr().err
    assert "bbb_05" not in entries(folder)
    assert [clip.key for clip in load(folder).clips if clip.draft] == ["bbb_06", "still"]


def test_a_kill_loses_no_draft(folder: Path, model: Path) -> None:
    for number in range(3):
        shutil.copy(CLIPS / "bbb_06.mp4", folder / "clips" / f"more_{number}.mp4")
    path = folder / "captions.toml"
    command = [sys.executable, "-m", "ltxbuild", "caption", "-C", str(folder), "--model", str(model)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while "draft" not in path.read_text() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    kept = {key: value for key, value in entries(folder).items() if "draft" in str(value)}
    assert kept
    assert main(["caption", "-C", str(folder), "--model", str(model)]) == 0
    assert {key: entries(folder)[key] for key in kept} == kept
    assert all(clip.caption for clip in load(folder).clips)


DRAFTS = """bbb_05 = { caption = "mira_char, a woman walks.", draft = true }
bbb_06 = { caption = "mira_char, a woman runs.", draft = true, start = 0.5 }
mine = "mira_char, a woman waves."
"""


def test_accepting_needs_names_or_all_where_nobody_can_be_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "captions.toml").write_text(DRAFTS)
    assert main(["caption", "-C", str(folder), "--accept"]) == 2
    assert "2 drafts, and nobody to be asked" in capsys.readouterr().err
    assert main(["caption", "-C", str(folder), "--accept", "bbb_05.mp4", "mine"]) == 0
    told = capsys.readouterr()
    assert (told.out, "mine is no draft" in told.err) == ("accepted bbb_05\n", True)
    assert (folder / "captions.toml").read_text().splitlines()[0] == 'bbb_05 = "mira_char, a woman walks."'
    assert main(["caption", "-C", str(folder), "--accept", "--all"]) == 0
    assert not any(clip.draft for clip in load(folder).clips)
    assert entries(folder)["bbb_06"] == {"caption": "mira_char, a woman runs.", "start": 0.5}


def test_calls_that_cannot_work_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["caption", "-C", str(folder)]) == 2
    assert "which model" in capsys.readouterr().err
    assert main(["caption", "-C", str(folder), "bbb_5", "--model", "x"]) == 2
    assert "did you mean `bbb_05`?" in capsys.readouterr().err
    assert main(["caption", "-C", str(folder), "--all"]) == 2
    (folder / "captions.toml").write_text(DRAFTS)
    assert main(["caption", "-C", str(folder), "--redo", "--model", str(folder / "clips")]) == 1
    assert "no config.json" in capsys.readouterr().err


def test_a_terminal_asks_one_by_one_and_lets_an_editor_change_the_text(folder: Path, tmp_path: Path) -> None:
    (folder / "captions.toml").write_text(DRAFTS)
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf 'mira_char, a woman\\nleaves at dawn.\\n' > \"$1\"\n")
    editor.chmod(0o755)
    shown = on_terminal(
        "e\na\n",
        "caption",
        "--accept",
        "-C",
        str(folder),
        environment={"EDITOR": str(editor), "TERM": "xterm-256color", "NO_COLOR": ""},
    )
    assert "1/2 bbb_05: mira_char, a woman walks." in shown
    assert "strip.jpg" in shown
    assert shown.count("▀") > 400
    assert entries(folder)["bbb_05"] == "mira_char, a woman leaves at dawn."
    assert not any(clip.draft for clip in load(folder).clips)
    (folder / "captions.toml").write_text(DRAFTS)
    assert "▀" not in on_terminal("s\nq\n", "caption", "--accept", "-C", str(folder))
    assert (folder / "captions.toml").read_text() == DRAFTS
