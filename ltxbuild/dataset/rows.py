"""Lists of clips as JSON, JSON lines or CSV: rows of a table with the line of each. Knows no column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ltxbuild.dataset.source import LARGEST_LIST, Source, suffix_of
from ltxbuild.problem import Problem, ProjectError, Span

SUFFIXES = (".json", ".jsonl", ".csv")
_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


@dataclass(frozen=True)
class Row:
    """One row: its values by column, and where it begins."""

    values: Mapping[str, Any]
    span: Span

    def text(self, *columns: str) -> str | None:
        """The first of `columns` that has a text; None if none has."""
        found = (self.values.get(column) for column in columns)
        return next((value for value in found if isinstance(value, str) and value.strip()), None)


def read_rows(source: Source, path: str) -> list[Row]:
    """Every row of the file. Raises ProjectError D104 with all lines that are none."""
    text = source.text(path, LARGEST_LIST)
    if isinstance(text, Problem):
        raise ProjectError([text])
    reader = {".json": _json, ".jsonl": _json_lines, ".csv": _csv}[suffix_of(path)]
    rows: list[Row] = []
    problems: list[Problem] = []
    for row in reader(text, path):
        if isinstance(row, Problem):
            problems.append(row)
        else:
            rows.append(row)
    if problems:
        raise ProjectError(problems)
    return rows


def columns_of(source: Source, path: str) -> set[str]:
    """The columns of the first row, to tell whose list it is; none for a file that is not a table of rows."""
    text = source.text(path, LARGEST_LIST)
    if isinstance(text, Problem):
        return set()
    reader = {".json": _json, ".jsonl": _json_lines, ".csv": _csv}[suffix_of(path)]
    first = next(iter(reader(text, path)), None)
    return set(first.values) if isinstance(first, Row) else set()


def _row(value: Any, span: Span) -> Row | Problem:
    if isinstance(value, dict):
        return Row(value, span)
    return Problem(
        "D104", "a row must be an object with names and values", span, 'such as {"caption": "..."}'
    )


def _json(text: str, path: str) -> Iterator[Row | Problem]:
    """The objects of an array, one after the other, so that each has its line."""
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        yield Problem("D104", f"{path} is no list of rows", Span(path, 1), "it must begin with `[`")
        return
    line, counted = 1, 0
    position = _skip(text, position + 1)
    while text[position : position + 1] != "]":
        line, counted = line + text.count("\n", counted, position), position
        span = Span(path, line)
        try:
            value, position = _DECODER.raw_decode(text, position)
        except RecursionError:
            yield Problem("D104", f"{path} nests too deeply", span, "a row has names and values")
            return
        except ValueError as error:
            yield _syntax(path, text, error, position)
            return
        yield _row(value, span)
        position = _skip(text, position)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        elif text[position : position + 1] != "]":
            yield _syntax(path, text, ValueError("a comma or `]` is missing"), position)
            return
    rest = _skip(text, position + 1)
    if rest < len(text):
        yield _syntax(path, text, ValueError("something stands after the list"), rest)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _syntax(path: str, text: str, error: ValueError, position: int) -> Problem:
    place = getattr(error, "pos", position)
    line = text.count("\n", 0, place) + 1
    message = getattr(error, "msg", str(error))
    return Problem("D104", f"{path} is not valid JSON: {message}", Span(path, line), "correct it there")


def _json_lines(text: str, path: str) -> Iterator[Row | Problem]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        span = Span(path, number)
        try:
            yield _row(json.loads(line), span)
        except RecursionError:
            yield Problem("D104", f"{path} nests too deeply", span, "a row has names and values")
        except ValueError as error:
            message = getattr(error, "msg", str(error))
            yield Problem("D104", f"the line is not valid JSON: {message}", span, "one object a line")


def _csv(text: str, path: str) -> Iterator[Row | Problem]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 0
    try:
        for cells in reader:
            begin, line = line + 1, reader.line_num
            if header is None:
                header = [cell.strip() for cell in cells]
            elif cells and len(cells) != len(header):
                what = f"the row has {len(cells)} values and the first line {len(header)} names"
                yield Problem("D104", what, Span(path, begin), "put a text with commas into double quotes")
            elif cells:
                yield Row(dict(zip(header, cells, strict=True)), Span(path, begin))
    except csv.Error as error:
        yield Problem("D104", f"{path} is not valid CSV: {error}", Span(path, line + 1), "correct it there")
