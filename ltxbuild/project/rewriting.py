"""Changes strings inside a TOML text and leaves everything else as it is: comments, order, line ends, quotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli

from ltxbuild.project.captions_edit import quoted
from ltxbuild.project.toml_file import Document
from ltxbuild.project.toml_positions import Path


def rewritten(document: Document, changes: Mapping[Path, str]) -> str:
    """The text with new strings at the paths given.

    Raises ValueError if anything else would read differently, which is a bug of ours and changes no file.
    """
    text, positions = document.text, document.positions
    for path, value in sorted(changes.items(), key=lambda item: positions.values[item[0]], reverse=True):
        start, end = map(positions.raw, positions.values[path])
        text = text[:start] + _quoted_like(value, text[start:end]) + text[end:]
    wanted: Any = tomli.loads(document.text)
    for path, value in changes.items():
        _set(wanted, path, value)
    if tomli.loads(text) != wanted:
        raise ValueError("the text would change in another place")
    return text


def _quoted_like(value: str, old: str) -> str:
    """The string as TOML, in single quotes if it stood in single quotes and can."""
    single = old.startswith("'") and not old.startswith("'''")
    return f"'{value}'" if single and value.isprintable() and "'" not in value else quoted(value)


def _set(data: Any, path: Path, value: str) -> None:
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value
