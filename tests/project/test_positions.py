"""Positions against the parser: every key that it sees has a place, and the text there is that key."""

from __future__ import annotations

from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from ltxbuild.project.toml_positions import Path, locate

SAMPLE = """\
# head [not.a.table] = 1
name = "mira"  # "quoted" = 2
"key with spaces" = 'lit # eral'
'lit.key'."b\\u00e9" . c = 1
multi = \"\"\"
fake = "x" \\
[also.fake]
\\"\"\" end\"\"\"
raw = '''
x = 1 ''''
date = 1979-05-27 07:32:00 # a space inside
list = [ "a", # one = 1
  "b = 2", ['c', { d = 1, "e f" = [1,2] }],
]
inline = { caption = "x, y } ]", start = 1.0, deep = { a.b = true } }

[table . "sub.dotted"]
rank = 16
[[many]]
x = 1
[[many]]
x = 2
[many.inner]
y = 3
[[many.nested]]
z = 4
"""


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Every key path of parsed TOML, lists counted."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in [(*path, k), *paths(v, (*path, k))]]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in paths(v, (*path, i))]
    return []


def check(text: str) -> None:
    found = locate(text)
    lines = text.replace("\r\n", "\n").split("\n")
    for path in paths(tomli.loads(text)):
        span = found.key(path, "f")
        assert span is not None, path
        assert span.text == lines[span.line - 1]
        written = span.text[span.column - 1 : span.column - 1 + span.length]
        assert list(tomli.loads(f"{written} = 1")) == [path[-1]], (path, written)
    assert not found.twice


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_way_to_write_a_key(end: str) -> None:
    check(SAMPLE.replace("\n", end))


def test_values_are_where_they_stand() -> None:
    found = locate(SAMPLE)
    span = found.value(("inline", "start"), "f")
    assert span is not None and span.text[span.column - 1 :][: span.length] == "1.0"
    item = found.value(("list", 1), "f")
    assert item is not None and (item.line, item.text[item.column - 1 :][: item.length]) == (13, '"b = 2"')
    date = found.value(("date",), "f")
    assert date is not None and date.text[date.column - 1 :][: date.length] == "1979-05-27 07:32:00"


bare = st.text("abcxyzABC019-_", min_size=1, max_size=6)
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
spaces = st.sampled_from(["", " ", "\t", "  "])


@st.composite
def key(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["bare", "basic", "literal"]))
    if kind == "bare":
        return draw(bare)
    text = draw(words)
    if kind == "literal" and "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def string(text: str, kind: int) -> str:
    plain = text.replace("\\", "").replace('"', "").replace("'", "")
    forms = [
        '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
        f"'{plain}'",
        f'"""\n{plain} = 1\n# "quote" [x]"""',
        f"'''{plain}\n] = 'a' '''",
    ]
    return forms[kind]


scalars = st.one_of(
    st.integers(-999, 999).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["true", "false", "1979-05-27", "07:32:00", "inf", "0xFF"]),
    st.builds(string, words, st.integers(0, 3)),
)


def joined(items: list[str], gap: str) -> str:
    return f"[{gap}" + f",{gap}".join(items) + f"{gap}]"


def inline(pairs: list[tuple[str, str]]) -> str:
    return "{ " + ", ".join(f"{k} = {v}" for k, v in pairs) + " }"


values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(joined, st.lists(inner, max_size=3), st.sampled_from(["", " ", "\n  ", " # , ] } \n"])),
        st.builds(inline, st.lists(st.tuples(key(), inner), max_size=3)),
    ),
    max_leaves=6,
)
dotted = st.lists(key(), min_size=1, max_size=3).map(" . ".join)
line = st.builds(
    lambda k, g, v, c: f"{k}{g}={g}{v}{c}", dotted, spaces, values, st.sampled_from(["", " # c = 1"])
)
header = st.builds(lambda k, many: f"[[ {k} ]]" if many else f"[ {k} ]", dotted, st.booleans())
documents = st.lists(st.one_of(line, line, header, st.just(""), st.just("# [x] = 1")), max_size=12).map(
    "\n".join
)


@settings(max_examples=400, deadline=None)
@given(documents, st.booleans())
def test_every_key_of_any_document_is_found(text: str, crlf: bool) -> None:
    text = text.replace("\n", "\r\n") if crlf else text
    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError:
        locate(text)  # must end, whatever stands there
        return
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.text("ab=\"'[]{},.#\n\\ ", max_size=40))
def test_text_that_is_no_toml_is_read_without_an_exception(text: str) -> None:
    locate(text)
