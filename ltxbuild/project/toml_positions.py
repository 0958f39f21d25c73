"""Where keys and values stand in a TOML text, which the parser itself does not say.

Expects text that the parser accepts; of other text it reads as far as it understands. Knows no key's meaning.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import dataclass, field

from ltxbuild.problem import Span

Path = tuple["str | int", ...]

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
_STRINGS = {
    '"""': re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.S),
    "'''": re.compile(r"'''.*?'{3,5}", re.S),
    '"': re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    "'": re.compile(r"'[^'\n]*'"),
}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|.)")
_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


@dataclass
class Positions:
    """Offsets of keys and values by key path; numbers in a path count the tables of an array or its items.

    `twice` holds the keys that appear a second time, with the offsets of the first and the second.
    """

    text: str
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    twice: list[tuple[Path, int, int]] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _returns: list[int] = field(default_factory=list)

    def raw(self, offset: int) -> int:
        """An offset in the text as it was given: here a CRLF counts as one character."""
        return offset + bisect_left(self._returns, offset)

    def key(self, path: Path, file: str) -> Span | None:
        """The place of a key, as it is written."""
        return self.span(*self.keys[path], file) if path in self.keys else None

    def value(self, path: Path, file: str) -> Span | None:
        """The place of a value."""
        return self.span(*self.values[path], file) if path in self.values else None

    def span(self, start: int, end: int, file: str) -> Span:
        """Offsets as line and column; a range over several lines is cut at the end of the first."""
        if not self._starts:
            self._starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        line = bisect_right(self._starts, start) - 1
        first = self._starts[line]
        last = self.text.find("\n", first)
        last = len(self.text) if last < 0 else last
        length = max(1, min(end, last) - start)
        return Span(file, line + 1, start - first + 1, length, self.text[first:last])


class _Stop(Exception):
    """The text is not TOML from here on."""


def locate(text: str) -> Positions:
    """Find every key and value. Line ends are taken as the parser takes them: CRLF is LF."""
    reader = _Reader(text.replace("\r\n", "\n"))
    with suppress(_Stop):  # the parser says what is wrong; what was read until here still has its place
        reader.document()
    reader.found._returns += [m.start() - i for i, m in enumerate(re.finditer("\r\n", text))]
    return reader.found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found = Positions(text)
        self.lists: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)

    def header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        parts = self.key_parts()
        self.expect("]]" if many else "]")
        path: Path = ()
        for index, (name, start, end) in enumerate(parts):
            path = (*path, name)
            last = index == len(parts) - 1
            if last and many:
                count = self.lists.get(path, 0)
                self.lists[path] = count + 1
                self.remember(path, start, end)
                path = (*path, count)
                self.found.keys[path] = (start, end)
            else:
                self.remember(path, start, end, declares=last)
                if path in self.lists and not last:
                    path = (*path, self.lists[path] - 1)
        return path

    def pair(self, table: Path) -> None:
        parts = self.key_parts()
        self.expect("=")
        path = table
        for index, (name, start, end) in enumerate(parts):
            path = (*path, name)
            self.remember(path, start, end, declares=index == len(parts) - 1)
        self.skip(_SPACE)
        self.value(path)

    def remember(self, path: Path, start: int, end: int, declares: bool = False) -> None:
        if path not in self.found.keys:
            self.found.keys[path] = (start, end)
        elif declares and path in self.found.values:
            self.found.twice.append((path, self.found.keys[path][0], start))

    def key_parts(self) -> list[tuple[str, int, int]]:
        parts = []
        while True:
            self.skip(_SPACE)
            start = self.at
            name = self.quoted() if self.text[self.at : self.at + 1] in ('"', "'") else self.take(_BARE_KEY)
            parts.append((name, start, self.at))
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def quoted(self) -> str:
        mark = self.text[self.at]
        raw = self.take(_STRINGS[mark])[1:-1]
        return _ESCAPE.sub(_unescape, raw) if mark == '"' else raw

    def value(self, path: Path) -> None:
        start = self.at
        mark = self.text[self.at : self.at + 3]
        if mark in _STRINGS:
            self.take(_STRINGS[mark])
        elif mark[:1] in _STRINGS:
            self.take(_STRINGS[mark[0]])
        elif mark[:1] == "[":
            self.items(path)
        elif mark[:1] == "{":
            self.inline(path)
        else:
            self.at += len(self.take(_BARE_VALUE, move=False).rstrip(" \t"))
        self.found.values.setdefault(path, (start, self.at))

    def items(self, path: Path) -> None:
        self.at += 1
        count = 0
        while True:
            self.skip(_BLANK)
            if self.text.startswith("]", self.at):
                self.at += 1
                return
            before = self.at
            self.value((*path, count))
            count += 1
            self.separator("]", before)

    def inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self.skip(_BLANK)
            if self.text.startswith("}", self.at):
                self.at += 1
                return
            before = self.at
            self.pair(path)
            self.separator("}", before)

    def separator(self, closing: str, before: int) -> None:
        self.skip(_BLANK)
        if self.text.startswith(",", self.at):
            self.at += 1
        elif not self.text.startswith(closing, self.at) or self.at == before:
            raise _Stop

    def skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def take(self, pattern: re.Pattern[str], move: bool = True) -> str:
        found = pattern.match(self.text, self.at)
        if not found or not found[0]:
            raise _Stop
        self.at = found.end() if move else self.at
        return found[0]

    def expect(self, mark: str) -> None:
        if not self.text.startswith(mark, self.at):
            raise _Stop
        self.at += len(mark)


def _unescape(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "uUx" and len(code) > 1:
        return chr(int(code[1:], 16))
    return _SHORT.get(code, code)
