"""Real SIGKILL of a real process before each of its file operations: the next build gives what one from nothing gives."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.engine.harness import MEMORY

ALL = 200


def killed(limit: int) -> list[dict[str, object]]:
    """The points at which a process was killed; the process that tries them holds each against the oracle."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.engine.killing", folder, str(limit)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=1200,
        )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def operations(points: list[dict[str, object]]) -> set[str]:
    return {str(point["point"]).split()[0] for point in points}


def test_killed_at_points_spread_over_a_build() -> None:
    points = killed(24)
    assert len(points) == 24
    assert {point["signal"] for point in points} == {signal.SIGKILL}
    assert "append" in operations(points)
    assert len(operations(points)) >= 5


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_at_every_point_of_a_build() -> None:
    points = killed(ALL)
    assert 100 < len(points) < ALL, "more points than are tried: raise the limit"
    assert [point["number"] for point in points] == list(range(len(points)))
    assert {point["signal"] for point in points} == {signal.SIGKILL}
    wanted = {"append", "rename", "mkdir", "copy", "open", "sync", "chmod", "remove", "label", "touch"}
    assert operations(points) == wanted
