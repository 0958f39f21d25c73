"""The live display on a terminal that is not one: what stays, what goes, and no colour where none is wanted."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr

import pytest

from ltxbuild.console.choose import choose
from ltxbuild.console.json_lines import JsonLines
from ltxbuild.console.live import LiveDisplay
from ltxbuild.console.plain import Plain
from tests.console.events import METHODS, TAIL, tell

COLOUR = re.compile(r"\x1b\[(\d+;)*(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;\d+)*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.StringIO):
    """Remembers what was written and says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "30")
    for name in ("COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return Terminal()


def told(terminal: Terminal, until: str = "close") -> str:
    """Everything that was written up to an event, the display taken down if it still stands."""
    # Not in the fixture: pytest captures stderr anew between a test's setup and its call.
    with redirect_stderr(terminal):
        display = LiveDisplay()
        tell(display, until)
        display.close()
    return terminal.getvalue()


def test_it_hears_everything() -> None:
    assert set(dir(LiveDisplay)) >= METHODS


def test_no_color_is_respected(terminal: Terminal) -> None:
    assert CONTROL.search(told(terminal)), "it is a live display"
    assert not COLOUR.search(terminal.getvalue())


def test_there_are_colours_where_nobody_minds(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR")
    assert COLOUR.search(told(terminal))


def test_what_stays_on_the_screen(terminal: Terminal) -> None:
    text = CONTROL.sub("", told(terminal))
    for words in (
        "3 to run, 2 may follow, 41 up to date",
        "failed: scan:mira [01]: the disk is full",
        *(f"  | {line}" for line in TAIL),
        "this is a bug of ltxbuild",
        "note: build/mira.safetensors was changed; it is kept as mira.safetensors.local [1]",
    ):
        assert words in text, "brackets are words, not markup"


def test_what_runs_is_drawn(terminal: Terminal) -> None:
    with redirect_stderr(terminal):
        display = LiveDisplay()
        tell(display, until="progress")
        before = drawn(display, terminal)
        display.finished("train:fast:0050", "ran", 1.0)
        after = drawn(display, terminal)
        display.close()
    assert "\n  train:fast:0050 12/50 steps, loss 0.1235" in before
    assert "0/5" in before and "left" in before
    assert "1/5" in after and "train:fast" not in after
    assert "█" * 6 + "░" * 24 in after


def test_the_time_left_fits_on_eighty_signs(terminal: Terminal) -> None:
    with redirect_stderr(terminal):
        display = LiveDisplay()
        words = "train:quality:1800 1712/1800 steps, loss 0.1235, 0.82 steps/s, 1:47 left"
        display._tracker.running["train:quality:1800"] = words
        text = drawn(display, terminal)
        display._tracker.running["clip"] = "scan:" + "long_" * 30
        cut = drawn(display, terminal)
        display.close()
    assert f"  {words}" in text
    assert max(len(line) for line in cut.splitlines()) <= 80 and "…" in cut


def drawn(display: LiveDisplay, terminal: Terminal) -> str:
    """The display as it is drawn now."""
    start = len(terminal.getvalue())
    display._live.refresh()
    return CONTROL.sub("", terminal.getvalue()[start:])


def test_the_display_is_taken_down(terminal: Terminal) -> None:
    written = told(terminal)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1, (
        "the cursor is hidden, then shown again"
    )
    assert terminal.getvalue() == written, "no thread draws on"


@pytest.mark.parametrize(
    ("as_json", "term", "kind"),
    [
        (False, "xterm", LiveDisplay),
        (False, "dumb", Plain),
        (True, "xterm", JsonLines),
        (True, "dumb", JsonLines),
    ],
)
def test_who_reports(
    as_json: bool, term: str, kind: type, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    with redirect_stderr(terminal):
        reporter = choose(as_json)
        reporter.close()
    assert type(reporter) is kind


def test_no_terminal_means_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with redirect_stderr(io.StringIO()):
        reporter = choose(False)
        reporter.close()
    assert type(reporter) is Plain
