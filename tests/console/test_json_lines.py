"""`--json`: one event a line, each with its version, whatever its words hold."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from ltxbuild.console.json_lines import JsonLines
from tests.console.events import METHODS, STORY, TAIL, tell

EVENTS: dict[str, dict[str, Any]] = {
    "started": {"run": 3, "maybe": 2, "fresh": 41},
    "foreseen": {"seconds": 92.5},
    "running": {"action": "train:fast:0050"},
    "progress": {"action": "train:fast:0050", "done": 12, "total": 50, "unit": "steps", "figures": {"loss": 0.1234567}},
    "finished": {"action": "train:fast:0050", "state": "ran", "seconds": 31.416},
    "failed": {"action": "scan:mira [01]", "message": "the disk is full", "bug": False, "log": list(TAIL)},
    "blocked": {"action": "report:fast", "why": "export:fast failed"},
    "note": {"text": "build/mira.safetensors was changed; it is kept as mira.safetensors.local [1]"},
}  # fmt: skip


def strict(line: str) -> dict[str, Any]:
    """Parse as other languages do, for which NaN is no JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in {line}")

    found: dict[str, Any] = json.loads(line, parse_constant=refuse)
    return found


def events(out: str) -> list[dict[str, Any]]:
    return [strict(line) for line in out.splitlines()]


def test_each_event_is_a_line_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert {name for name, _ in STORY} == METHODS <= set(dir(JsonLines))
    tell(JsonLines())
    found = events(capsys.readouterr().out)
    assert len(found) == len(STORY) - 1, "closing is no event"
    assert all(event["v"] == 1 for event in found)
    first = {event["event"]: event for event in reversed(found)}
    assert first == {name: {"v": 1, "event": name, **fields} for name, fields in EVENTS.items()}


def test_nothing_foreseen_is_no_event(capsys: pytest.CaptureFixture[str]) -> None:
    JsonLines().foresee({})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_is_null(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    JsonLines().progress("train:fast:0050", 1, 50, "steps", {"loss": value, "rate": 0.5})
    (event,) = events(capsys.readouterr().out)
    assert event["figures"] == {"loss": None, "rate": 0.5}


@pytest.mark.parametrize(
    "words", ["a\nb\r\u2028c", 'quotes " and \\', "föhn 雪", "bytes \udcff", "\x1b[31mred"]
)
def test_any_words_in_any_pipe(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    JsonLines().failed(words, words, (words,), False)
    (event,) = events(raw.getvalue().decode("ascii"))
    assert (event["action"], event["message"], event["log"]) == (words, words, [words])
