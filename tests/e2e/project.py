"""Drives the real command on a real folder, and reads back what it did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# A run short enough for tests that still has segments, a choice, a tail and a verdict.
SHORT = """
[train.fast]
steps = 12
interval = 4
batch = 4
warmup = 2

[train.quality]
steps = 8
interval = 4
batch = 4
warmup = 2

[evaluate]
prompts = [
  "{subject} moves left over a plain navy background",
  "{subject} moves right over a striped teal background",
]
weights = [0.85, 1.1]
"""

ONE_PROMPT = 'evaluate.prompts=["{subject} moves left over a plain navy background"]'


@dataclass(frozen=True)
class Run:
    """One finished call of the command."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, object]]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]

    def ran(self) -> list[str]:
        """The ids of the actions that were executed, as `--json` tells."""
        return [str(e["action"]) for e in self.events if e["event"] == "finished" and e["state"] == "ran"]


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ltxbuild", *arguments, "-C", str(folder)]


def run(folder: Path, *arguments: str, timeout: float = 240) -> Run:
    """Call ltxbuild and wait."""
    done = subprocess.run(command(folder, *arguments), capture_output=True, text=True, timeout=timeout)
    return Run(done.returncode, done.stdout, done.stderr)


def make_demo(folder: Path) -> Path:
    """A demo project with a short training."""
    made = subprocess.run(
        [sys.executable, "-m", "ltxbuild", "init", "character", str(folder), "--demo"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert made.returncode == 0, made.stderr
    settings = folder / "lora.toml"
    settings.write_text(settings.read_text() + SHORT)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replace text that must be there once."""
    text = path.read_text()
    assert text.count(old) == 1, (old, text)
    path.write_text(text.replace(old, new))


def kill_when(folder: Path, arguments: Sequence[str], seen: str, timeout: float = 240) -> str:
    """Start a build, SIGKILL its process at the first `--json` line that contains `seen`; return that line."""
    process = subprocess.Popen(
        command(folder, "--json", *arguments), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    deadline = time.monotonic() + timeout
    for line in process.stdout:
        if seen in line:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            return line
        assert time.monotonic() < deadline
    raise AssertionError(f"the build ended with {process.wait()} before {seen!r} was seen")
