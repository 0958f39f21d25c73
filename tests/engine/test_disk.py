"""Disks that are full, read-only or not ours: the build ends with what to do, and the next one ends right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.harness import MEMORY

ROOT = Path(__file__).parents[2]
APART = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-r", "-m"]
Cases = list[dict[str, Any]]


def run(kind: str, apart: list[str]) -> Cases:
    """What the cases of one kind ended with; each is held against the oracle where it runs."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        command = [*apart, sys.executable, "-m", "tests.engine.small_disk", kind, folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def mounted(tmp_path: Path) -> Callable[[str], Cases]:
    """Runs cases in a mount namespace of their own; a visible skip where the system does not let us have one."""
    try:
        mount = ["mount", "-t", "tmpfs", "none", str(tmp_path)]
        allowed = subprocess.run([*APART, *mount], capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("there is no unshare here: disks that are full or read-only were not tested")
    if allowed.returncode:
        pytest.skip("no private mounts here: disks that are full or read-only were not tested")
    return lambda kind: run(kind, APART)


def test_a_full_disk_at_every_page(mounted: Callable[[str], Cases]) -> None:
    cases = mounted("full")
    for case in ("new", "built"):
        ended = [one["ended"] for one in cases if one["case"] == case]
        assert ended[-1] == "built"
        # The engine's own writes fail at some sizes, those of an action at others.
        assert set(ended[:-1]) == {"B130", "failed"}
        assert ended.count("B130") >= 5


def test_a_read_only_disk(mounted: Callable[[str], Cases]) -> None:
    ended = {case["case"]: case["ended"] for case in mounted("read_only")}
    assert ended == {"new": "B131", "built": "B131", "looking": "run", "results": "B131"}


def test_the_command_says_what_to_do(mounted: Callable[[str], Cases]) -> None:
    cases = {case["case"]: case for case in mounted("command")}
    assert cases.keys() == {"full", "read-only"}
    for case, code in (("full", "B130"), ("read-only", "B131")):
        assert cases[case]["ended"] == 1
        assert f"error[{code}]" in cases[case]["said"]
        assert "  = " in cases[case]["said"]
        assert "Traceback" not in cases[case]["said"]


def test_a_folder_of_somebody_else() -> None:
    ended = {case["case"]: case["ended"] for case in run("stranger", [])}
    assert ended == {"write": "B131", "journal": "B134", "object": "B134"}
