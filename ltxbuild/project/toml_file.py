"""One TOML file of the user, read within limits and parsed, with the places of its keys. Knows no key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli

from ltxbuild.problem import Problem, Span
from ltxbuild.project import toml_positions
from ltxbuild.project.toml_positions import Positions

# Ten thousand captions of 60 words are under this; a larger file is a mistake, and slow to parse.
LARGEST = 4 * 2**20


@dataclass(frozen=True)
class Document:
    """A parsed file; `name` is what messages call it. Positions are found when somebody asks."""

    name: str
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    readable: bool = True

    @cached_property
    def positions(self) -> Positions:
        """The places of all keys and values."""
        return toml_positions.locate(self.text)

    def key(self, *path: str | int) -> Span | None:
        """The place of a key."""
        return self.positions.key(path, self.name)

    def value(self, *path: str | int) -> Span | None:
        """The place of a value, or of its key if it has none of its own (a table)."""
        return self.positions.value(path, self.name) or self.key(*path)


def read_document(path: Path, name: str, problems: list[Problem], hint: str = "") -> Document:
    """The file as a document; what is wrong is added to `problems`, and the document is then empty."""
    text = _text(path, name, problems, hint)
    return Document(name, readable=False) if text is None else parse_document(text, name, problems)


def parse_document(text: str, name: str, problems: list[Problem]) -> Document:
    """A text as a document; a syntax error or a key given twice is added to `problems`."""
    try:
        document = Document(name, text, tomli.loads(text))
        large = [_number_problem(document, path) for path in too_large(document.data)]
        problems += large
        if not large:
            return document
    except tomli.TOMLDecodeError as error:
        problems.append(_syntax_problem(text, name, error))
    except ValueError:
        # Python refuses to read thousands of digits (sys.get_int_max_str_digits).
        what = f"{name} holds a number of thousands of digits"
        problems.append(Problem("P104", what, hint="numbers have at most 19 digits"))
    except RecursionError:
        problems.append(
            Problem("P104", f"{name} nests tables or lists too deeply", hint="no setting needs that")
        )
    return Document(name, text, readable=False)


def too_large(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a whole number has more than the 64 bits that TOML allows; later code may turn numbers into floats."""
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from too_large(inner, (*path, key))
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield path


def _number_problem(document: Document, path: tuple[str | int, ...]) -> Problem:
    what = f"`{path[-1]}` is larger than a number may be" if path else "a number is too large"
    return Problem("P104", what, document.value(*path), "numbers have at most 19 digits")


def _text(path: Path, name: str, problems: list[Problem], hint: str) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            what = f"{name} is larger than {LARGEST // 2**20} MiB"
            problems.append(
                Problem("P102", what, hint="split the project, or look whether the file is another")
            )
            return None
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        problems.append(Problem("P101", f"there is no {name}", hint=hint))
    except OSError as error:
        problems.append(
            Problem("P101", f"{name} cannot be read: {error.strerror}", hint="look at its permissions")
        )
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"{name} is not UTF-8: byte {data[error.start]:#04x}"
        problems.append(Problem("P103", what, Span(name, line), "save the file as UTF-8"))
    return None


def _syntax_problem(text: str, name: str, error: tomli.TOMLDecodeError) -> Problem:
    """The parser's message with its place, or the place of the second of two equal keys."""
    found = toml_positions.locate(text)
    for path, first, second in found.twice:
        if second <= error.pos:
            key = str(path[-1])
            line = found.span(first, first + 1, name).line
            span = found.span(second, second + len(key), name)
            hint = f"the first is in line {line}: remove one"
            return Problem("P105", f"`{key}` stands here a second time", span, hint)
    span = found.span(min(error.pos, len(found.text)), error.pos + 1, name)
    message = error.msg[:1].lower() + error.msg[1:]
    return Problem("P104", f"{name} is not valid TOML: {message}", span, _advice(error.msg))


def _advice(message: str) -> str:
    """What usually causes the parser's message."""
    advice = {
        "Illegal character '\\n'": "close the string before the end of the line",
        "Unterminated string": "close the string",
        "Invalid value": 'strings stand in quotes: key = "value"',
        "Expected '='": "a key with spaces or signs stands in quotes",
        "Cannot overwrite": "the key stands here a second time: remove one",
        "Cannot declare": "the table stands here a second time: put its keys together",
        "Expected newline": "one key a line; quotes inside a string need a backslash",
        "Unclosed": "a bracket is not closed",
        "Invalid initial character": "a key with spaces or signs stands in quotes",
        "Unescaped '\\'": "write a backslash twice, or use 'single quotes'",
    }
    return next((text for start, text in advice.items() if message.startswith(start)), "correct this line")
