"""Edits of the text of captions.toml that leave every other character as it is. Knows no file and no clip.

Each edit is checked: parsed again, the text says exactly what it said before but for the one entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import tomli

from ltxbuild.project.toml_positions import Positions, locate

_BARE = re.compile(r"[A-Za-z0-9_-]+")
CAPTION, DRAFT = "caption", "draft"


def put_draft(text: str, key: str, caption: str) -> str:
    """`text` with this caption as the draft of `key`; an entry that is not there yet stands behind the last one."""
    entry = _Entry(text, key)
    if entry.missing:
        return _checked(text, entry.append(caption), key, {CAPTION: caption, DRAFT: True})
    wanted = {**entry.table, CAPTION: caption, DRAFT: True}
    return _checked(text, entry.with_draft(caption), key, wanted)


def accept(text: str, key: str, caption: str | None = None) -> str:
    """`text` with the draft of `key` accepted, or with another caption instead of it.

    An entry of which only the caption is left becomes a plain line. `key` has to be there, with a caption.
    """
    entry = _Entry(text, key)
    wanted: dict[str, Any] = {name: value for name, value in entry.table.items() if name != DRAFT}
    wanted[CAPTION] = wanted[CAPTION] if caption is None else caption
    return _checked(text, entry.accepted(wanted[CAPTION]), key, wanted)


def quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def key_text(key: str) -> str:
    """A key as TOML: bare where it can be."""
    return key if _BARE.fullmatch(key) else quoted(key)


class _Entry:
    """Where one entry of captions.toml stands: a string, an inline table, a [table] or dotted keys."""

    def __init__(self, text: str, key: str) -> None:
        self.text, self.key = text, key
        self.found: Positions = locate(text)
        value = tomli.loads(text).get(key)
        self.missing = value is None
        self.plain = isinstance(value, str)
        self.table: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {CAPTION: value}
        self._line = "\r\n" if "\r\n" in text else "\n"

    def append(self, caption: str) -> str:
        """A new line behind the last entry before any [table], which would swallow it."""
        line = f"{key_text(self.key)} = {{ caption = {quoted(caption)}, draft = true }}{self._line}"
        headers = [self._start(path) for path in self.found.keys if len(path) == 1 and self._is_header(path)]
        at = self._before_comments(self._line_start(min(headers))) if headers else len(self.text)
        gap = self._line if at and self.text[at - 1] != "\n" else ""
        return self.text[:at] + gap + line + self.text[at:]

    def with_draft(self, caption: str) -> str:
        """The entry with this caption, and marked as a draft."""
        if self.plain:
            return self._replaced((self.key,), f"{{ caption = {quoted(caption)}, draft = true }}")
        edits = [self._put(DRAFT, "true"), self._put(CAPTION, quoted(caption))]
        return _applied(self.text, edits)

    def accepted(self, caption: str) -> str:
        """The entry with this caption and without the mark."""
        if self.plain:
            return self._replaced((self.key,), quoted(caption))
        if self._inline and self.table.keys() <= {CAPTION, DRAFT} and not self._commented:
            return self._replaced((self.key,), quoted(caption))
        edits = [] if caption == self.table.get(CAPTION) else [self._put(CAPTION, quoted(caption))]
        if DRAFT in self.table:
            edits.append(self._drop(DRAFT))
        return _applied(self.text, edits)

    @property
    def _inline(self) -> bool:
        return (self.key,) in self.found.values

    @property
    def _commented(self) -> bool:
        # Inside a table of several lines (TOML 1.1) there may be comments, which must not be lost.
        start, end = self._span((self.key,))
        return "\n" in self.text[start:end]

    def _put(self, name: str, value: str) -> tuple[int, int, str]:
        """The edit that gives one key of the table a value."""
        if (self.key, name) in self.found.values:
            return (*self._span((self.key, name)), value)
        if self._inline:
            start, _ = self._span((self.key,))
            return (start + 1, start + 1, f" {name} = {value}{',' if self.table else ''}")
        if self._is_header((self.key,)):
            at = self.text.find("\n", self._start((self.key,))) + 1 or len(self.text)
            gap = "" if self.text[at - 1] == "\n" else self._line
            return (at, at, f"{gap}{name} = {value}{self._line}")
        first = min(self._start(path) for path in self.found.keys if path[:1] == (self.key,))
        at = self._line_start(first)
        start, end = (self.found.raw(offset) for offset in self.found.keys[(self.key,)])
        return (at, at, f"{self.text[start:end]}.{name} = {value}{self._line}")

    def _drop(self, name: str) -> tuple[int, int, str]:
        """The edit that takes one key out of the table; where something else would go too, it is set to false."""
        start, end = self._start((self.key, name)), self._span((self.key, name))[1]
        if self._inline:
            before, after = self._neighbours(name)
            gap = (before, end) if before is not None else (start, after)
            if None not in gap and "\n" not in self.text[gap[0] : gap[1]]:
                return (int(gap[0] or 0), int(gap[1] or 0), "")
            return (*self._span((self.key, name)), "false")
        first = self._line_start(start)
        last = self.text.find("\n", end) + 1 or len(self.text)
        alone = re.fullmatch(r"[^#=]*=\s*(?:true|false)\s*", self.text[first:last])
        return (first, last, "") if alone else (*self._span((self.key, name)), "false")

    def _neighbours(self, name: str) -> tuple[int | None, int | None]:
        """Where the value before this key of an inline table ends, and where the next key begins."""
        own = self._start((self.key, name))
        paths = [
            path for path in self.found.values if len(path) > 1 and path[0] == self.key and path[1] != name
        ]
        ends = [self._span(path)[1] for path in paths]
        starts = [self._start(path) for path in paths]
        return max((e for e in ends if e < own), default=None), min(
            (s for s in starts if s > own), default=None
        )

    def _is_header(self, path: tuple[str | int, ...]) -> bool:
        return path not in self.found.values and self.text[: self._start(path)].rstrip(" \t").endswith("[")

    def _replaced(self, path: tuple[str | int, ...], value: str) -> str:
        return _applied(self.text, [(*self._span(path), value)])

    def _span(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        start, end = self.found.values[path]
        return self.found.raw(start), self.found.raw(end)

    def _start(self, path: tuple[str | int, ...]) -> int:
        return self.found.raw(self.found.keys[path][0])

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _before_comments(self, at: int) -> int:
        """The comments right above a [table] belong to it."""
        while at and self.text[self._line_start(at - 1) : at].lstrip().startswith("#"):
            at = self._line_start(at - 1)
        return at


def _applied(text: str, edits: list[tuple[int, int, str]]) -> str:
    """All edits, of which none overlaps another; at one place in the order given."""
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _checked(before: str, after: str, key: str, wanted: Mapping[str, Any]) -> str:
    """`after`, if it says what `before` said with the entry as wanted. Raises ValueError otherwise, which is a bug."""
    expected = {**tomli.loads(before), key: dict(wanted)}
    try:
        found = tomli.loads(after)
    except tomli.TOMLDecodeError as error:
        raise ValueError(f"the edit of `{key}` would damage captions.toml: {error}") from None
    entry = found.get(key)
    found[key] = dict(entry) if isinstance(entry, Mapping) else {CAPTION: entry}
    if found[key].get(DRAFT) is False and DRAFT not in wanted:
        del found[key][DRAFT]  # where the key could not be taken out alone, it says no
    if found != expected:
        raise ValueError(f"the edit of `{key}` would change more of captions.toml than that")
    return after
