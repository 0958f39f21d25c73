"""`ltxbuild watch` and training: when it starts, and which edits stop it. On the tiny base, with real training."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ltxbuild.project.card import BASES
from tests.e2e.project import edit, make_demo, run
from tests.e2e.test_watch import Terminal
from tests.e2e.watching import Watch, of, ran

# Segments so long that none ends while a test looks on.
LONG = """
[train.fast]
steps = 4000
interval = 2000
batch = 4

[evaluate]
prompts = ["{subject} moves left over a plain navy background"]
weights = [0.85]
"""
CLIPS = 4


def small_demo(folder: Path) -> Path:
    """A demo project with a few of its clips."""
    make_demo(folder)
    for clip in sorted((folder / "clips").iterdir())[CLIPS:]:
        clip.unlink()
    lines = (folder / "captions.toml").read_text().splitlines(keepends=True)
    captions = [line for line in lines if line.startswith("mira_")]
    (folder / "captions.toml").write_text("".join(captions[:CLIPS]))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with a training that takes minutes."""
    folder = small_demo(tmp_path / "mira")
    text = (folder / "lora.toml").read_text()
    (folder / "lora.toml").write_text(text.partition("\n[train.fast]")[0] + LONG)
    return folder


def caption_of(folder: Path) -> str:
    lines = (folder / "captions.toml").read_text().splitlines()
    return next(line.split(" = ", 1)[1] for line in lines if line.startswith("mira_01"))


def test_only_an_edit_that_matters_stops_a_run(project: Path) -> None:
    captions = project / "captions.toml"
    with Watch(project) as watch:
        watch.until("progress", lambda e: e["action"].startswith("train:"))

        captions.write_text("# a comment\n" + captions.read_text())
        watch.until("linted", lambda e: e["E"] == 0)
        watch.until("progress", lambda e: e["action"].startswith("train:"))

        good = captions.read_text()
        captions.write_text(good + "mira_01 = \n")
        watch.until("problems")
        watch.until("progress", lambda e: e["action"].startswith("train:"))

        said = caption_of(project)
        captions.write_text(good.replace(said, said.replace("mira_char", "miro_char")))
        watch.until("linted", lambda e: e["E"] > 0)
        watch.until("progress", lambda e: e["action"].startswith("train:"))
        assert not of(watch.seen, "obsolete")

        captions.write_text(good.replace(said, said.replace("mira_char ", "mira_char, seen again, ")))
        workers = watch.workers()
        watch.until("obsolete")
        watch.until("finished", lambda e: e["action"] == "text:mira_01" and e["state"] == "ran")
        watch.until("progress", lambda e: e["action"].startswith("train:"))
        assert workers <= watch.workers(), "the model stays open"

        # Back to what ran before: the partial segment is there and goes on, nothing is encoded again.
        before = len(watch.seen)
        captions.write_text(good)
        watch.until("obsolete")
        step = watch.until("progress", lambda e: e["action"].startswith("train:") and e["unit"] == "steps")
        assert step["done"] > 1
        assert not [a for a in ran(watch.seen[before:]) if a.startswith(("text:", "latents:"))]
        assert watch.interrupt() == 130
    assert list((project / ".ltxbuild" / "partial").iterdir()), "Ctrl-C keeps the partial segment"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A small project on a base that is too expensive to begin unasked."""
    folder = small_demo(tmp_path / "mira")
    shutil.copytree(BASES / "tiny", folder / "base")
    card = (BASES / "tiny.toml").read_text().replace("needs_gpu = false", "needs_gpu = true")
    (folder / "base" / "card.toml").write_text(card)
    edit(folder / "lora.toml", 'base = "tiny" ', 'base = "./base" ')
    return folder


def settle(folder: Path, seconds: float) -> None:
    text = (folder / "lora.toml").read_text()
    (folder / "lora.toml").write_text(f"{text}\n[watch]\nsettle = {seconds}\n")


def heavy(events: list[dict[str, object]]) -> list[str]:
    return [a for a in ran(events) if a.startswith(("text:", "plain:", "latents:"))]


def test_on_a_large_base_models_work_after_a_quiet_time(large: Path) -> None:
    settle(large, 10)
    with Watch(large, "encode") as watch:
        events = watch.rest()
        assert watch.seen[-1]["waiting"] == "quiet"
        assert "transcode:mira_01" in ran(events) and not heavy(events)
        (large / "captions.toml").write_text("# touched\n" + (large / "captions.toml").read_text())
        assert not heavy(watch.rest()), "the quiet begins again"
        assert watch.seen[-1]["waiting"] == "quiet"
        assert heavy(watch.rest())
        assert watch.seen[-1]["waiting"] == "nothing"


def test_on_a_large_base_enter_starts_at_once(large: Path) -> None:
    settle(large, 3000)
    terminal = Terminal(large, "clip:mira_01")
    terminal.until("Enter starts it now")
    terminal.press("\r")
    terminal.until("watching for changes")
    assert "built" in terminal.said
    terminal.press("q")
    assert terminal.end() == 0


def test_on_a_large_base_what_costs_more_than_the_limit_does_not_start(large: Path) -> None:
    settle(large, 0)
    with (large / "lora.toml").open("a") as file:
        file.write("[cost]\ngpu_hour = 2.5\nlimit = 0.000001\n")
    with Watch(large, "clip:mira_01") as watch:
        words = str(watch.until("watching", lambda e: e["waiting"] == "cost")["words"])
        assert "what latents, text cost is not known" in words
        assert not heavy(watch.seen)
    terminal = Terminal(large, "clip:mira_01")
    terminal.until("they never ran on this machine; Enter starts it")
    terminal.press("\r")
    terminal.until("watching for changes")
    terminal.press("q")
    assert terminal.end() == 0

    said = caption_of(large)
    edit(large / "captions.toml", said, said.replace("moves", "walks"))
    with Watch(large, "clip:mira_01") as watch:
        words = str(watch.until("watching", lambda e: e["waiting"] == "cost")["words"])
        assert re.search(r"it would cost about 0\.0\d, and \[cost\] limit is 1e-06", words)
        assert not heavy(watch.seen)
    assert run(large, "-s", "cost.limit=0", "clip:mira_01").code == 0


def test_on_a_large_base_nothing_starts_while_lint_finds_errors(large: Path) -> None:
    settle(large, 0)
    said = caption_of(large)
    edit(large / "captions.toml", said, said.replace("mira_char", "miro_char"))
    with Watch(large, "train") as watch:
        events = watch.rest()
        assert watch.seen[-1]["waiting"] == "lint"
        assert not heavy(events)
        watch.quiet_for(2)
