"""Captions are changed inside captions.toml; every other byte stays."""

from __future__ import annotations

import json
from typing import Any

import tomli
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.problem import Problem
from ltxbuild.project.captions import read_captions
from ltxbuild.project.rewriting import rewritten
from ltxbuild.project.toml_file import parse_document

SAMPLE = """\
# Mira   # walks\r
mira_01 = "one"   # lint: ignore[PIX101, too-vague]\r
'mira 02' = 'two'\r
mira_03 = { start = 1.0, caption = "three # no comment", draft = true } # lint: ignore\r
\r
[mira_04] # lint: ignore[PIX]\r
caption = '''\r
four\r
lines'''   # kept\r
repeats = 2\r
"""


def document(text: str) -> Any:
    problems: list[Problem] = []
    found = parse_document(text, "captions.toml", problems)
    assert not problems
    return found


def test_only_what_is_asked_for_changes() -> None:
    changes: dict[Any, str] = {
        ("mira_01",): 'a "quoted" word',
        ("mira 02",): "zwei",
        ("mira_03", "caption"): "drei",
        ("mira_04", "caption"): "vier",
    }
    after = rewritten(document(SAMPLE), changes)
    wanted = (
        SAMPLE.replace('"one"', '"a \\"quoted\\" word"')
        .replace("'two'", "'zwei'")
        .replace('"three # no comment"', '"drei"')
        .replace("'''\r\nfour\r\nlines'''", '"vier"')
    )
    assert after == wanted


def test_comments_say_what_lint_shall_leave_alone() -> None:
    problems: list[Problem] = []
    entries = {entry.key: entry.ignore for entry in read_captions(document(SAMPLE), problems)}
    assert entries == {
        "mira_01": ("PIX101", "too-vague"),
        "mira 02": (),
        "mira_03": ("ALL",),
        "mira_04": ("PIX",),
    }


LINES = st.sampled_from(['"', "'", '"""', "{"])
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="'\"\\"), max_size=12)


@given(
    st.lists(st.tuples(LINES, TEXT, TEXT), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]), st.data()
)
def test_any_file_keeps_its_order_its_comments_and_its_other_values(rows: Any, end: str, data: Any) -> None:
    lines, paths = [], []
    for i, (style, value, comment) in enumerate(rows):
        written = {"{": "{ repeats = 2, caption = " + json.dumps(value, ensure_ascii=False) + " }"}.get(
            style, style + value + style
        )
        lines += [f"# {comment}", f"k{i} = {written}  # {comment}"]
        paths.append((f"k{i}", "caption") if style == "{" else (f"k{i}",))
    text = end.join(lines) + end
    chosen = data.draw(st.lists(st.sampled_from(paths), unique=True))
    new = {
        path: data.draw(st.text(max_size=12).filter(lambda t: t.isprintable() or "\n" in t))
        for path in chosen
    }
    new = {path: value.replace("\r", "") for path, value in new.items()}
    after = rewritten(document(text), new)
    parsed: dict[str, Any] = tomli.loads(after)
    for path in paths:
        value = parsed[path[0]] if len(path) == 1 else parsed[path[0]]["caption"]
        old = tomli.loads(text)[path[0]]
        assert value == new.get(path, old if len(path) == 1 else old["caption"])
    assert [line for line in after.split(end) if line.startswith("#")] == [
        x for x in lines if x.startswith("#")
    ]
    assert after.count("\r\n") == text.count("\r\n")
    assert rewritten(document(after), new) == after, "a second time changes nothing"
