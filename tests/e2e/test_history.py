"""A project under git, through the real command: going back trains nothing, and what commits deliver outlives gc."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ltxbuild.cli import main
from ltxbuild.project.base import BaseRef
from ltxbuild.project.card import named_card
from tests.e2e.project import Run, edit, run

HEAVY = ("train:", "tail:", "text:", "plain:", "latents:", "sample:", "export:")


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout


def first_caption(folder: Path) -> tuple[str, str]:
    lines = (folder / "captions.toml").read_text().splitlines()
    key, caption = next(line.split(" = ", 1) for line in lines if line.startswith("mira_"))
    return key, caption


@pytest.fixture(scope="module")
def two_commits(built: tuple[Path, Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo project with two commits, each built before it was committed, and results shared in a folder."""
    folder = Path(shutil.copytree(built[0], tmp_path_factory.mktemp("history") / "mira"))
    settings = folder / "lora.toml"
    settings.write_text(settings.read_text() + '\n[cache]\nshared = "../shared"\n')
    git(folder, "init", "-q", "-b", "main")
    assert run(folder).code == 0
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    _, caption = first_caption(folder)
    edit(folder / "captions.toml", caption, caption.replace("mira_char ", "mira_char, seen again, "))
    assert run(folder).code == 0
    git(folder, "commit", "-qam", "second")
    return folder


@pytest.fixture
def project(two_commits: Path, tmp_path: Path) -> Path:
    shutil.copytree(two_commits.parent, tmp_path / "all")
    return tmp_path / "all" / "mira"


def lora(folder: Path) -> bytes:
    return (folder / "build" / "mira.safetensors").read_bytes()


def output(folder: Path, revision: str = "") -> str:
    text = (
        git(folder, "show", f"{revision}:ltxbuild.lock")
        if revision
        else (folder / "ltxbuild.lock").read_text()
    )
    return next(line.split()[-1] for line in text.splitlines() if line.startswith("output "))


def heavy(done: Run) -> list[str]:
    return [name for name in done.ran() if name.startswith(HEAVY)]


def test_an_older_commit_is_restored_without_training_even_after_gc(project: Path) -> None:
    newer = lora(project)
    removed = run(project, "gc")
    assert removed.code == 0 and removed.out.startswith("removed "), removed.err
    git(project, "checkout", "-q", "HEAD~1")
    done = run(project, "--json")
    assert done.code == 0, done.err
    assert heavy(done) == []
    assert lora(project) != newer
    assert git(project, "status", "--porcelain") == "", "the lock of that commit is right as it stands"
    git(project, "checkout", "-q", "main")
    assert heavy(run(project, "--json")) == []
    assert lora(project) == newer


def test_restore_touches_no_source_and_the_next_build_undoes_it(project: Path) -> None:
    newer, build = lora(project), project / "build"
    (build / "mira.json").write_text("mine")
    done = run(project, "restore", "1")
    assert done.code == 0, done.err
    assert lora(project) != newer
    assert (build / "mira.json.local").read_text() == "mine" and "mira.json.local" in done.err
    assert json.loads((build / "mira.json").read_text())["file"] == "mira.safetensors"
    assert (build / "report.html").read_text().startswith("<!doctype html>")
    assert git(project, "status", "--porcelain") == ""
    again = run(project, "--json")
    assert again.code == 0 and again.ran() == []
    assert lora(project) == newer and (build / "lint.html").exists()


def test_kept_builds_are_marked_and_unknown_ones_refused(project: Path) -> None:
    assert run(project, "keep", "1").code == 0
    assert run(project, "builds").out.splitlines()[0].endswith("kept")
    assert run(project, "keep", "1", "--drop").code == 0
    assert "kept" not in run(project, "builds").out
    refused = run(project, "keep", "77")
    assert refused.code == 2 and "B141" in refused.err
    (project / ".ltxbuild" / "builds" / "1.json").unlink()
    lost = run(project, "restore", "1")
    assert lost.code == 1 and "B142" in lost.err


def test_gc_refuses_when_history_cannot_be_read(project: Path) -> None:
    shutil.rmtree(project / ".git")
    (project / ".git").write_text("gitdir: /nowhere\n")
    before = sorted((project / ".ltxbuild" / "objects").rglob("*"))
    refused = run(project, "gc")
    assert refused.code == 1 and "B140" in refused.err
    assert sorted((project / ".ltxbuild" / "objects").rglob("*")) == before


def test_other_bytes_in_the_lock_stay_and_frozen_refuses_a_change(project: Path) -> None:
    lock = project / "ltxbuild.lock"
    of_another = lock.read_text().replace(output(project), "0" * 32)
    lock.write_text(of_another)
    assert run(project, "--frozen").code == 0
    assert lock.read_text() == of_another
    stale = of_another.replace("precision fp32", "precision bf16") + "settings none\n"
    lock.write_text(stale.replace("precision bf16", "precision fp32"))
    before = lock.read_text()
    assert run(project, "--frozen").code == 1
    assert lock.read_text() == before
    assert run(project).code == 0
    assert "settings none" not in lock.read_text()


def test_a_conflict_in_the_lock_is_resolved_by_the_next_build(project: Path) -> None:
    text = (project / "ltxbuild.lock").read_text()
    git(project, "checkout", "-qb", "other", "HEAD~1")
    lock = project / "ltxbuild.lock"
    lock.write_text(lock.read_text().replace("clip ", "clip 0", 1).replace(output(project), "1" * 32))
    git(project, "commit", "-qam", "other")
    git(project, "checkout", "-q", "main")
    git(project, "merge", "-q", "other", check=False)
    assert "<<<<<<<" in lock.read_text()
    git(project, "checkout", "-q", "--ours", "captions.toml")
    done = run(project, "--json")
    assert done.code == 0 and heavy(done) == [], done.err
    assert lock.read_text() == text


def test_a_fresh_clone_takes_everything_from_the_shared_cache(project: Path, two_commits: Path) -> None:
    clone = project.parent / "clone"
    git(project.parent, "clone", "-q", str(project), str(clone))
    done = run(clone, "--json")
    assert done.code == 0, done.err
    assert [name for name in done.ran() if not name.startswith("report:")] == []
    assert lora(clone) == lora(project)
    assert git(clone, "status", "--porcelain") == "", "the lock is the committed one"
    # The paths of the machine that built it, and of nobody else.
    private = [str(two_commits.parent).encode(), str(Path.home()).encode()]
    for path in (project.parent / "shared").rglob("*"):
        assert path.is_dir() or not any(word in path.read_bytes() for word in private), path


def test_without_the_base_everything_comes_from_the_shared_cache(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A laptop that has the repository and the cache, and not the base of 40 GB that the lock pins."""
    lock = project / "ltxbuild.lock"
    commit = "a" * 40
    lock.write_text(lock.read_text().replace("base tiny\n", f"base tiny\nrevision {commit}\n"))
    shutil.rmtree(project / ".ltxbuild")
    shutil.rmtree(project / "build")

    def on_the_hub(name: str) -> BaseRef:
        return BaseRef(name, named_card(name), repository="owner/tiny", revision="main")

    monkeypatch.setattr("ltxbuild.project.base._named", on_the_hub)
    pinned = lock.read_text()
    assert main(["-C", str(project)]) == 0, capsys.readouterr().err
    assert "fetched" not in capsys.readouterr().err
    assert lora(project) and lock.read_text() == pinned
    capsys.readouterr()
    assert main(["-C", str(project)]) == 0
    assert "up to date" in capsys.readouterr().out


def test_a_damaged_shared_cache_costs_time_alone(project: Path) -> None:
    shutil.rmtree(project / ".ltxbuild")
    shared = project.parent / "shared"
    damaged = max((p for p in shared.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    before = lora(project)
    done = run(project, "--json")
    assert done.code == 0, done.err
    assert lora(project) == before


def test_an_unreachable_cache_is_told_once(project: Path) -> None:
    edit(project / "lora.toml", '"../shared"', '"/nowhere/at/all"')
    shutil.rmtree(project / "build")
    key, caption = first_caption(project)
    edit(project / "captions.toml", caption, caption.replace("seen again", "seen once more"))
    done = run(project, f"text:{key}")
    assert done.code == 0, done.err
    assert done.err.count("/nowhere/at/all") == 1


def test_why_names_the_word_the_key_and_the_clip(project: Path) -> None:
    key, caption = first_caption(project)
    edit(project / "captions.toml", caption, caption.replace("seen again", "seen once more"))
    assert "'again,' -> 'once more,'" in run(project, "why", "train").out
    git(project, "checkout", "-q", "captions.toml")
    edit(project / "lora.toml", "steps = 12\ninterval = 4\nbatch = 4", "steps = 12\ninterval = 4\nbatch = 5")
    assert "[train] batch changed: 4 -> 5" in run(project, "why", "train").out
    git(project, "checkout", "-q", "lora.toml")
    (project / "captions.toml").write_text(
        "".join(
            line
            for line in (project / "captions.toml").read_text().splitlines(keepends=True)
            if not line.startswith(key)
        )
    )
    assert f"training clips changed: {key} is gone" in run(project, "why", "train").out
