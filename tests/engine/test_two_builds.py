"""Two builds of one folder at once: one builds, the other is refused and names it; nothing is lost or done twice."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ltxbuild.engine.workspace import Workspace
from ltxbuild.problem import ProjectError
from tests.engine.claims import Facts, check
from tests.engine.harness import Call, build_world
from tests.engine.killing import FIRST
from tests.project.folder import make

ROOT = Path(__file__).parents[2]
# Builds as soon as the file `go` is there, and says how that ended.
RACER = """
import sys, time
from pathlib import Path
from ltxbuild.problem import ProjectError
from tests.engine.harness import Call, build_world
from tests.engine.killing import FIRST
root = Path(sys.argv[1])
print("ready", flush=True)
while not (root / "go").exists():
    pass
try:
    built = build_world(root, FIRST, Call(during=lambda task: time.sleep(0.03)))
    print("built", len(built.ran))
except ProjectError as error:
    print(error.problems[0].code, error.exit_code, error.problems[0].message)
"""


def test_of_two_that_race_one_builds_and_one_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACER, str(tmp_path)]
    racers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        (tmp_path / "go").touch()
        ended = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    builders = [racer.pid for racer, words in zip(racers, ended, strict=True) if words.startswith("built")]
    refused = [words for words in ended if words.startswith("B120 1 this folder is being built by ")]
    assert len(builders) >= 1
    assert len(builders) + len(refused) == 3, ended
    # The winner has the lock a moment before its name is in the file; until then it is "another build".
    named = [words for words in refused if not words.endswith("by another build")]
    assert all(any(str(pid) in words for pid in builders) for words in named)
    # Those that built did so one after the other: nothing ran twice.
    assert sorted(words for words in ended if words.startswith("built"))[-1] == "built 5"
    assert sum(int(words.split()[1]) for words in ended if words.startswith("built")) == 5
    before = Facts.of(tmp_path)
    built = build_world(tmp_path, FIRST)
    check(tmp_path, FIRST, Call(), before, built)
    assert built.ran == []


def test_the_command_is_refused_while_another_builds_and_may_look(tmp_path: Path) -> None:
    make(tmp_path, 'name = "m"\ntrigger = "mm"\nclass = "cat"\ntype = "object"\nbase = "tiny"\n')
    command = [sys.executable, "-m", "ltxbuild", "-C", str(tmp_path)]
    space = Workspace(tmp_path, write=True)
    try:
        refused = subprocess.run([*command, "lint"], capture_output=True, text=True, cwd=ROOT)
        looked = subprocess.run([*command, "status", "lint"], capture_output=True, text=True, cwd=ROOT)
    finally:
        space.close()
    assert refused.returncode == 1
    assert f"error[B120]: this folder is being built by process {os.getpid()}" in refused.stderr
    assert "wait for it or stop it" in refused.stderr
    assert looked.returncode == 0, looked.stderr
    assert "lint:all" in looked.stdout


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    """Whatever the file says: only the system's lock counts, and a holder that was killed is noticed."""
    first = Workspace(tmp_path, write=True)
    with pytest.raises(ProjectError) as caught:
        Workspace(tmp_path, write=True)
    assert caught.value.problems[0].code == "B120"
    first.close()
    assert (tmp_path / ".ltxbuild" / "lock").read_text() == ""
    (tmp_path / ".ltxbuild" / "lock").write_text("process 1 (ltxbuild)\n")
    Workspace(tmp_path, write=True).close()


def test_a_filesystem_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(handle: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(ProjectError) as caught:
        Workspace(tmp_path, write=True)
    assert caught.value.problems[0].code == "B121"
    assert caught.value.problems[0].hint
