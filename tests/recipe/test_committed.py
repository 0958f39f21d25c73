"""The locks that git holds: of every branch, tag and stash, of merges and of files that are gone since."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ltxbuild.commands.committed import committed_locks
from ltxbuild.problem import ProjectError
from ltxbuild.project.pins import LOCK


def git(folder: Path, *arguments: str, check: bool = True) -> None:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=check, capture_output=True, timeout=60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project inside a repository that holds other things too."""
    folder = tmp_path / "repository" / "loras" / "mira"
    folder.mkdir(parents=True)
    git(tmp_path / "repository", "init", "-q")
    return folder


def commit(root: Path, text: str | None) -> None:
    lock = root / LOCK
    if text is None:
        lock.unlink()
    else:
        lock.write_text(text)
    git(root, "add", "-A", ".")
    git(root, "commit", "-qm", text or "removed")


def test_without_a_repository_there_is_the_file_alone(tmp_path: Path) -> None:
    assert committed_locks(tmp_path) == []
    (tmp_path / LOCK).write_text("here")
    assert committed_locks(tmp_path) == ["here"]


def test_a_repository_without_commits(root: Path) -> None:
    assert committed_locks(root) == []


def test_every_version_that_any_ref_reaches(root: Path) -> None:
    commit(root, "one")
    commit(root, "two")
    git(root, "checkout", "-qb", "other", "HEAD~1")
    commit(root, "of a branch")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "other", check=False)
    commit(root, "merged by hand")
    (root / LOCK).write_text("stashed")
    git(root, "stash", "-q")
    commit(root, None)
    git(root, "branch", "-qD", "other")
    other = root.parent / LOCK
    other.write_text("of another project")
    git(root.parent, "add", LOCK)
    git(root.parent, "commit", "-qm", "x")
    (root / LOCK).write_text("not committed")
    found = committed_locks(root)
    assert set(found) == {"one", "two", "of a branch", "merged by hand", "stashed", "not committed"}
    assert len(found) == len(set(found))


def test_inside_a_hook_of_another_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(root, "one")
    monkeypatch.setenv("GIT_DIR", "/nowhere/.git")
    assert set(committed_locks(root)) == {"one"}


def test_a_history_that_cannot_be_read_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(root, "one")
    (root.parents[1] / ".git" / "HEAD").write_text("broken")
    with pytest.raises(ProjectError) as caught:
        committed_locks(root)
    assert caught.value.exit_code == 1 and caught.value.problems[0].code == "B140"
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProjectError, match="not installed"):
        committed_locks(root)
