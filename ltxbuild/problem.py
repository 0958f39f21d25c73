"""The one error that reaches a user: problems with positions, all at once. Knows no file format and no console."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Span:
    """A place in a text file: 1-based line and column, `length` characters, and the line's own text."""

    file: str
    line: int
    column: int = 1
    length: int = 1
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `message` says what, `hint` what to do about it."""

    code: str
    message: str
    span: Span | None = None
    hint: str = ""
    severity: Severity = "error"


class ProjectError(Exception):
    """The project or the call cannot be used as it is; carries every problem found."""

    def __init__(self, problems: Iterable[Problem], exit_code: int = 2) -> None:
        self.problems = tuple(problems)
        self.exit_code = exit_code
        super().__init__("; ".join(p.message for p in self.problems))


def fail(code: str, message: str, hint: str = "", exit_code: int = 2) -> ProjectError:
    """A ProjectError with one problem that has no position."""
    return ProjectError([Problem(code, message, hint=hint)], exit_code)


def render(problem: Problem) -> str:
    """The problem as text for a terminal, with the offending line underlined when it is known."""
    lines = [f"{problem.severity}[{problem.code}]: {problem.message}"]
    span = problem.span
    if span is None:
        if problem.hint:
            lines.append(f"  = {problem.hint}")
        return "\n".join(lines)
    gutter = " " * len(str(span.line))
    lines.append(f"{gutter}--> {span.file}:{span.line}:{span.column}")
    if span.text:
        mark = " " * (span.column - 1) + "^" * max(1, span.length)
        lines += [f"{gutter} |", f"{span.line} | {span.text}", f"{gutter} | {mark} {problem.hint}".rstrip()]
    elif problem.hint:
        lines.append(f"{gutter} = {problem.hint}")
    return "\n".join(lines)
