"""Real builds by real worker processes: Ctrl-C keeps work, a second one ends at once, no worker outlives its build."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.engine.action import Action, External, Timeout
from ltxbuild.engine.build import build
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.state import Record, State
from ltxbuild.engine.workspace import Workspace
from ltxbuild.executors.local import LocalExecutor
from ltxbuild.job import Json
from tests.engine.harness import Outside, Silent, write_sources
from tests.engine.world import OUTPUTS, Node, World, make_graph, oracle

PATIENCE = 60.0
ENDLESS = 100_000


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until it is so; a test that waits for ever has failed."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.01)


class Patient:
    """A build in a process of its own and what its workers noted."""

    def __init__(self, root: Path, steps: int, deaf: bool = False) -> None:
        self.diary = root / "diary"
        command = [sys.executable, "-m", "tests.engine.patient_build", str(root), str(steps)]
        self.process = subprocess.Popen(
            [*command, "deaf" if deaf else "listening"],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def steps(self, name: str = "long") -> list[int]:
        """The steps that its workers did, of all builds in this folder."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return [int(line.split()[2]) for line in lines if line.split()[1] == name]

    def workers(self) -> set[int]:
        """The process ids of the workers that noted anything."""
        lines = self.diary.read_text().splitlines() if self.diary.exists() else []
        return {int(line.split()[0]) for line in lines}

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: code, stdout, stderr."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Callable[..., Patient]]:
    """Starts builds and sees to it that none is left."""
    started: list[Patient] = []

    def start(steps: int, deaf: bool = False) -> Patient:
        started.append(Patient(tmp_path, steps, deaf))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def records(root: Path) -> dict[str, Record]:
    """What is committed at this moment."""
    return State.load(root / ".ltxbuild" / "journal", write=False).records


def committed(out: str) -> bool:
    return "('quick', 'ran')" in out or "('quick', 'fresh')" in out


def test_ctrl_c_keeps_partial_work_and_the_next_build_goes_on(
    tmp_path: Path, patient: Callable[..., Patient]
) -> None:
    first = patient(ENDLESS)
    wait_for(lambda: len(first.steps()) >= 3 and len(records(tmp_path)) == 1)
    first.process.send_signal(signal.SIGINT)
    code, out, err = first.end()
    assert code == 130, err
    assert "Traceback" not in err
    assert committed(out)
    (kept,) = (tmp_path / ".ltxbuild" / "partial").glob("*/step")
    steps = int(kept.read_text())
    assert steps >= 3

    # The same action to the step it had reached: it starts there and not at 0.
    before = len(first.steps())
    again = patient(ENDLESS)
    wait_for(lambda: len(again.steps()) > before)
    again.process.send_signal(signal.SIGINT)
    code, out, _ = again.end()
    assert code == 130
    assert again.steps()[before] == steps
    assert "('quick', 'fresh')" in out


def test_a_second_ctrl_c_ends_at_once_and_loses_nothing_committed(
    tmp_path: Path, patient: Callable[..., Patient]
) -> None:
    first = patient(ENDLESS, deaf=True)
    wait_for(lambda: len(first.steps()) >= 3 and len(records(tmp_path)) == 1)
    first.process.send_signal(signal.SIGINT)
    before = len(first.steps())
    wait_for(lambda: len(first.steps()) >= before + 5)  # it does not listen to the first
    assert first.process.poll() is None
    first.process.send_signal(signal.SIGINT)
    code, out, err = first.end()
    assert code == 130, err
    assert "Traceback" not in err
    assert committed(out)
    wait_for(lambda: not any(alive(pid) for pid in first.workers()))
    code, out, _ = patient(5, deaf=True).end()
    assert code == 0
    assert "('quick', 'fresh')" in out
    assert "('long', 'ran')" in out


def test_no_worker_outlives_a_killed_build(patient: Callable[..., Patient]) -> None:
    first = patient(ENDLESS, deaf=True)
    wait_for(lambda: len(first.steps()) >= 3)
    workers = first.workers()
    assert any(alive(pid) for pid in workers)
    first.process.kill()
    first.end()
    wait_for(lambda: not any(alive(pid) for pid in workers))
    done = len(first.steps())
    time.sleep(0.1)
    assert len(first.steps()) == done


def test_a_killed_build_is_taken_up_by_the_next(patient: Callable[..., Patient]) -> None:
    first = patient(ENDLESS)
    wait_for(lambda: len(first.steps()) >= 3)
    first.process.kill()
    first.end()
    code, out, err = patient(5).end()
    assert code == 0, err
    assert "('long', 'ran')" in out


def run_one(root: Path, stage: str, timeout: Timeout | None = None, **params: Json) -> dict[str, str]:
    """One action through a real worker: what failed, and why."""
    graph = Graph()
    context = {"diary": str(root / "diary")}
    graph.add(Action("one", stage, 1, ("out",), params, context=context, timeout=timeout))
    space = Workspace(root, write=True)
    try:
        executor = LocalExecutor(1, "tests.engine.stages")
        outcome = build(graph, space, Outside(), ["one"], executor, Silent(), BuildOptions())
    finally:
        space.close()
    return outcome.tally.failed


def test_real_workers_give_what_the_oracle_says(tmp_path: Path) -> None:
    nodes = {
        "n0": Node("n0", ("a", "b")),
        "n1": Node("n1", ("b",), ("n0",), side=True),
        "n2": Node("n2", (), ("n1", "n0"), bag=("n0", "n1")),
    }
    world = World(nodes, {"a": "x", "b": "y"})
    write_sources(tmp_path, world)
    space = Workspace(tmp_path, write=True)
    try:
        executor = LocalExecutor(2, "tests.engine.stages")
        graph, options = make_graph(world), BuildOptions()
        outcome = build(graph, space, Outside(), tuple(nodes), executor, Silent(), options)
        for name, outputs in oracle(world).items():
            assert outputs is not None
            stored = {
                key: space.store.path(outcome.records[name].outputs[key]).read_bytes() for key in OUTPUTS
            }
            assert stored == outputs
    finally:
        space.close()


def test_a_very_long_message_of_a_stage_is_cut(tmp_path: Path) -> None:
    failed = run_one(tmp_path, "wide", words="far too long " * 200_000, bytes=0)
    assert failed["one"].startswith("far too long")
    assert len(failed["one"]) < 10_000


def test_a_full_gpu_is_told_with_what_to_change(tmp_path: Path) -> None:
    failed = run_one(tmp_path, "wide", words="GPU", bytes=0)
    assert 'set swap = "all"' in failed["one"] and "kept" in failed["one"]


def test_an_action_over_its_time_is_ended(tmp_path: Path) -> None:
    failed = run_one(tmp_path, "patient", Timeout(1), name="one", steps=ENDLESS, deaf=True)
    assert failed == {"one": "stopped after 1 s: the limit for this file"}
    workers = {int(line.split()[0]) for line in (tmp_path / "diary").read_text().splitlines()}
    assert not any(alive(pid) for pid in workers)


class Slow(Outside):
    """Weights that take for ever to hash."""

    def resolve(self, key: str) -> str:
        """Does not come back while the test lasts."""
        self.asked.set()
        self.over.wait(PATIENCE)
        return "too late"

    asked, over = threading.Event(), threading.Event()


def test_ctrl_c_is_heard_while_weights_are_hashed(tmp_path: Path) -> None:
    graph, slow = Graph(), Slow()
    inputs = {"weights": External("transformer")}
    graph.add(Action("one", "wide", 1, ("out",), {"words": "", "bytes": 0}, inputs))
    space = Workspace(tmp_path, write=True)

    def press() -> None:
        slow.asked.wait(PATIENCE)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        executor = LocalExecutor(1, "tests.engine.stages")
        outcome = build(graph, space, slow, ["one"], executor, Silent(), BuildOptions())
    finally:
        presser.join()
        slow.over.set()
        space.close()
    assert outcome.tally.interrupted
    assert outcome.tally.blocked == {"one": "the build was stopped"}


def test_a_worker_that_dies_is_told_and_leaves_no_record(tmp_path: Path) -> None:
    failed = run_one(tmp_path, "no_such_stage")
    assert "no_such_stage" in failed["one"]
    failed = run_one(tmp_path, "suicide")
    assert failed["one"] == "its worker process was killed by SIGKILL; the machine may be out of memory"
    assert records(tmp_path) == {}


def test_ctrl_c_to_the_command_exits_130_and_keeps_what_is_finished(tmp_path: Path) -> None:
    folder, root = tmp_path / "mira", Path(__file__).parents[2]
    command = [sys.executable, "-m", "ltxbuild"]
    subprocess.run(
        [*command, "init", "character", str(folder), "--demo"], cwd=root, check=True, timeout=PATIENCE
    )
    build = [*command, "--json", "-j", "1", "transcode", "-C", str(folder)]
    first = subprocess.Popen(build, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        seen = [first.stdout.readline()]
        while '"finished"' not in seen[-1]:
            assert seen[-1], "the build ended without finishing anything"
            seen.append(first.stdout.readline())
        first.send_signal(signal.SIGINT)
        rest, err = first.communicate(timeout=PATIENCE)
    finally:
        first.kill()
        first.wait()
    assert first.returncode == 130, err
    assert "Traceback" not in err
    events = [json.loads(line) for line in [*seen, *rest.splitlines()]]
    assert events[-1]["event"] == "done"
    assert events[-1]["interrupted"] is True
    done = ran(events)
    assert done

    again = subprocess.run(build, cwd=root, capture_output=True, text=True, timeout=4 * PATIENCE)
    assert again.returncode == 0, again.stderr
    later = ran([json.loads(line) for line in again.stdout.splitlines()])
    assert later
    assert not done & later


def ran(events: list[dict[str, Any]]) -> set[str]:
    """The actions that were executed, as `--json` tells."""
    return {e["action"] for e in events if e["event"] == "finished" and e["state"] == "ran"}
