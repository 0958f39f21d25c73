"""Lines where there is no terminal: failures at once, a sign of life on time, nothing after the end."""

from __future__ import annotations

import threading
import time

import pytest

from ltxbuild.console import plain
from ltxbuild.console.plain import Plain
from tests.console.events import METHODS, TAIL, tell

NEVER = 3600.0
PATIENCE = 20.0  # seconds that a busy machine may take; nothing waits for them in vain


class Lines:
    """Takes the place of `say` and wakes whoever waits for a line."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._more = threading.Condition()

    def __call__(self, text: str) -> None:
        with self._more:
            self.said.append(text)
            self._more.notify_all()

    def wait(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.said) >= count, PATIENCE), self.said


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    found = Lines()
    monkeypatch.setattr(plain, "say", found)
    return found


def test_it_hears_everything() -> None:
    assert set(dir(Plain)) >= METHODS


def test_a_line_appears_by_itself_while_nothing_is_reported(lines: Lines) -> None:
    reporter = Plain(interval=0.01)
    reporter.action_started("train:fast:0050")
    lines.wait(3)
    reporter.close()
    count = len(lines.said)
    assert all(line.startswith("[0/0 0:") for line in lines.said)
    assert lines.said[-1].endswith("] train:fast:0050")
    time.sleep(0.05)
    assert len(lines.said) == count, "nothing is said after the end"


def test_the_usual_interval_is_ten_seconds(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    waited: list[float] = []
    monkeypatch.setattr(Plain, "_tell", lambda self, interval: waited.append(interval))
    Plain().close()
    assert waited == [10.0]


def test_closing_does_not_wait_for_the_interval(lines: Lines) -> None:
    before = time.monotonic()
    tell(Plain(interval=NEVER))
    assert time.monotonic() - before < PATIENCE
    assert not [line for line in lines.said if line.startswith("[")]


def test_what_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Plain(interval=NEVER))
    captured = capsys.readouterr()
    assert captured.out == "", "results are for stdout, this is not one"
    assert captured.err.splitlines() == [
        "3 to run, 2 may follow, 41 up to date",
        "failed: scan:mira [01]: the disk is full",
        *(f"  | {line}" for line in TAIL),
        "failed: export:fast: ValueError: x",
        "  this is a bug of ltxbuild; please report it with these lines:",
        "  | x",
        "note: build/mira.safetensors was changed; it is kept as mira.safetensors.local [1]",
    ]
