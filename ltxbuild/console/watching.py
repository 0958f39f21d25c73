"""What a watch says between builds: what changed, what is wrong, what it waits for. Decides nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping

from ltxbuild.console.json_lines import emit
from ltxbuild.problem import Problem, ProjectError, render

NAMED = 4  # files named in one line


class Voice:
    """Lines on stderr, or events on stdout with `--json`."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._problems: tuple[Problem, ...] = ()
        self._waiting = self._at_rest = ""

    def begins(self, words: str) -> None:
        """The watch begins."""
        if not self._json:
            _line(words)

    def changed(self, names: Mapping[str, str], left_out: Iterable[str]) -> None:
        """Which files changed, and which are still being written."""
        late = sorted(left_out)
        self._waiting = ""
        if self._json:
            emit("changed", files=dict(names), left_out=late)
            return
        _line(f"{time.strftime('%H:%M:%S')} {listed([f'{name} {word}' for name, word in names.items()])}")
        if late:
            _line(f"still being written, left out until it stands still: {listed(late)}")

    def problems(self, error: ProjectError) -> None:
        """What keeps the project from being read; the same again is only counted."""
        if self._json:
            emit("problems", problems=[_fields(one) for one in error.problems])
        elif error.problems == self._problems:
            _line(f"unchanged: {listed([_place(one) for one in error.problems])}")
        else:
            for one in error.problems:
                _line(render(one))
        self._problems = error.problems

    def readable(self) -> None:
        """The project could be read: the next problem is news."""
        self._problems = ()

    def idle(self, waiting: str, words: str) -> None:
        """Nothing is done until something happens. What is waited for is said after each change; that nothing is, once."""
        if self._json:
            emit("watching", waiting=waiting, words=words)
        elif words not in (self._waiting, self._at_rest):
            _line(words)
        self._waiting = words
        self._at_rest = words if waiting == "nothing" else self._at_rest

    def obsolete(self) -> None:
        """What runs is stopped because the files ask for something else now."""
        if self._json:
            emit("obsolete")
        else:
            _line("what runs is no longer wanted: it stops, what it has done so far is kept")

    def note(self, text: str) -> None:
        """Something that was decided, said in words."""
        _line(f"note: {text}")
        if self._json:
            emit("note", text=text)


def listed(words: list[str]) -> str:
    """A few of the words, and how many more there are."""
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _place(problem: Problem) -> str:
    span = problem.span
    return f"error[{problem.code}]" + (f" {span.file}:{span.line}:{span.column}" if span else "")


def _fields(problem: Problem) -> dict[str, str | int | None]:
    span = problem.span
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
    }
