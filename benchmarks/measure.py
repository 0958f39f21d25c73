"""Runs a command and says what it took: CPU and wall seconds, peak memory. Knows no tool."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Cost:
    """CPU (user and system, children included) and wall seconds, peak memory of the largest process in MiB.

    A memory of 0 is one that cannot be told from the benchmark's own.
    """

    cpu: float
    wall: float
    memory: float


class TooSlow(Exception):
    """The command was ended at its limit."""


class Failed(Exception):
    """The command did not exit with 0; carries the end of what it printed."""


def run(
    command: Sequence[str], folder: Path, limit: float, environment: Mapping[str, str] | None = None
) -> Cost:
    """One run, output discarded, of at most `limit` CPU seconds. Raises TooSlow or Failed."""
    log = folder.parent / "output.log"
    with open(log, "wb") as out:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        status, usage, ended = _wait(process.pid, limit)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if ended:
        raise TooSlow
    if process.returncode:
        raise Failed(f"{' '.join(command)}: {log.read_text('utf-8', 'replace')[-600:]}")
    memory = usage.ru_maxrss / 1024
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory if memory > own_memory() + 1 else 0.0)


def _wait(pid: int, limit: float) -> tuple[int, resource.struct_rusage, bool]:
    # wait4 alone gives the resources of this child and of all that it waited for; meanwhile an alarm looks at them.
    ended = False

    def look(*_: object) -> None:
        nonlocal ended
        left = limit - _used(pid)
        if left <= 0:
            ended = True
            os.killpg(pid, signal.SIGKILL)
        else:
            signal.setitimer(signal.ITIMER_REAL, max(0.5, left / (os.cpu_count() or 1)))

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, limit / (os.cpu_count() or 1))
    try:
        _, status, usage = os.wait4(pid, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return status, usage, ended


def _used(pid: int) -> float:
    """CPU seconds of a process and of those that it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def own_memory() -> float:
    """This process's peak in MiB. The system counts a child from before it becomes another program: no less is told."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def typical(costs: Sequence[Cost]) -> Cost:
    """The median of each figure: other work on the machine disturbs single runs."""
    return Cost(median(c.cpu for c in costs), median(c.wall for c in costs), max(c.memory for c in costs))
