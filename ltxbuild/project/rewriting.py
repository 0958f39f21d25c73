"""Changes strings inside a TOML text and leaves everything else as it is: comments, order, line ends, quotes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import tomli

from ltxbuild.project.toml_file import Document
from ltxbuild.project.toml_positions import Path

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def rewritten(document: Document, changes: Mapping[Path, str]) -> str:
    """The text with new strings at the paths given.

    Raises ValueError if anything else would read differently, which is a bug of ours and changes no file.
    """
    text, newlines = document.text, _carriage_returns(document.text)
    spans = [(*document.positions.values[path], value) for path, value in changes.items()]
    for start, end, value in sorted(spans, reverse=True):
        old = document.positions.text[start:end]
        first, last = (offset + bisect_left(newlines, offset) for offset in (start, end))
        text = text[:first] + quoted(value, old) + text[last:]
    wanted: Any = tomli.loads(document.text)
    for path, value in changes.items():
        _set(wanted, path, value)
    if tomli.loads(text) != wanted:
        raise ValueError("the text would change in another place")
    return text


def quoted(value: str, like: str = '"') -> str:
    """The string as TOML, in single quotes if it stood in single quotes and can."""
    plain = value.isprintable() and "'" not in value
    if like.startswith("'") and not like.startswith("'''") and plain:
        return f"'{value}'"
    return '"' + "".join(_SHORT.get(sign, _escaped(sign)) for sign in value) + '"'


def _escaped(sign: str) -> str:
    return sign if sign >= " " and sign != "\x7f" else f"\\u{ord(sign):04x}"


def _carriage_returns(text: str) -> list[int]:
    """Where, in the text with CRLF as LF, a carriage return was left out: offsets of the line feeds."""
    found: list[int] = []
    at = text.find("\r\n")
    while at >= 0:
        found.append(at - len(found))
        at = text.find("\r\n", at + 2)
    return found


def _set(data: Any, path: Path, value: str) -> None:
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value
