"""The benchmark runs: on five clips, with make alone beside ltxbuild, and without looking at a single figure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rows(text: str) -> dict[str, list[str]]:
    """Cells by the first one, of all tables."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0]: cells[1:] for cells in lines}


def test_the_engine_benchmark_measures_every_row(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/engine.py", "--clips", "5", "--runs", "1"]
    only = ["--only", "make", "--venv", str(tmp_path)]
    run = subprocess.run([*command, *only], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr
    found = rows(run.stdout)
    wanted = {"ltxbuild's engine", "the same, without its stamp", "`ltxbuild`", "`ltxbuild status`"}
    assert wanted <= found.keys(), run.stdout
    assert all(" s CPU" in cell or cell == "as above" for name in wanted for cell in found[name][:-1]), (
        run.stdout
    )


def test_a_peer_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/engine.py", "--clips", "--no-product", "--runs", "1"]
    run = subprocess.run(
        [*command, "--venv", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert run.returncode == 0, run.stderr
    assert "Missing on this machine: " in run.stdout
    assert "doit" in run.stdout
