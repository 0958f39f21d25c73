"""Edits of captions.toml touch one entry and nothing else, however the file is written."""

from __future__ import annotations

from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.project.captions_edit import accept, put_draft, quoted

FILE = """# my captions

mira_01 = "one"  # said so
mira_02 = { caption = "two", draft = true } # a draft
mira_03 = { start = 1.0, draft = true, caption = "three" }
mira_04 = { draft = true, caption = "four", end = 2.0 }

"mira 05.mp4" = { caption = 'five', draft = true, repeats = 2 }
mira_06.caption = "six"
mira_06.draft = true

# about seven
[mira_07]   # a table
draft = true
caption = "seven"
"""


def table(text: str, key: str) -> Any:
    return tomli.loads(text)[key]


def test_a_new_draft_stands_behind_the_others_and_before_tables() -> None:
    text = put_draft(FILE, "mira_08", 'she says "no"')
    line = 'mira_08 = { caption = "she says \\"no\\"", draft = true }\n'
    assert text == FILE.replace("# about seven", line + "# about seven")
    assert put_draft("", "a b", "x") == '"a b" = { caption = "x", draft = true }\n'
    assert put_draft("# no end", "a", "x") == '# no end\na = { caption = "x", draft = true }\n'


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("mira_02", '{ caption = "two", draft = true } #', '"two" #'),
        ("mira_03", "start = 1.0, draft = true, caption", "start = 1.0, caption"),
        ("mira_04", "{ draft = true, caption", "{ caption"),
        ("mira 05.mp4", "'five', draft = true, ", "'five', "),
        ("mira_06", "mira_06.draft = true\n", ""),
        ("mira_07", "[mira_07]   # a table\ndraft = true\n", "[mira_07]   # a table\n"),
    ],
)
def test_accepting_takes_the_mark_and_nothing_else(key: str, old: str, new: str) -> None:
    assert FILE.count(old) == 1
    assert accept(FILE, key) == FILE.replace(old, new)


@pytest.mark.parametrize("key", list(tomli.loads(FILE)))
def test_a_draft_replaces_the_caption_alone(key: str) -> None:
    text = put_draft(FILE, key, "new words")
    before = table(FILE, key)
    old = before if isinstance(before, dict) else {}
    assert table(text, key) == {**old, "caption": "new words", "draft": True}
    same = [line for line in FILE.splitlines() if line.startswith("#") or "=" not in line]
    assert all(line in text.splitlines() for line in same)


def test_a_comment_inside_a_table_is_not_lost() -> None:
    text = '[a]\ncaption = "x"\ndraft = true  # by the machine\n'
    assert accept(text, "a") == text.replace("true", "false")


def test_line_ends_of_another_system_stay() -> None:
    text = FILE.replace("\n", "\r\n")
    for key in tomli.loads(FILE):
        assert accept(put_draft(text, key, "x"), key).count("\r\n") >= text.count("\r\n") - 1
        assert accept(text, key).replace("\r\n", "\n") == accept(FILE, key)
    assert put_draft(text, "new", "x").replace("\r\n", "\n") == put_draft(FILE, "new", "x")


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
NAMES = st.text(st.sampled_from("abé_-1. '\"#["), min_size=1, max_size=6)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A captions.toml with entries of every form, comments and blank lines, and its keys."""
    names = draw(st.lists(NAMES, unique=True, max_size=5))
    top, tables = [], []
    for name in names:
        caption, mark = quoted(draw(WORDS)), draw(st.sampled_from(["true", "false"]))
        pairs = [f"caption = {caption}", f"draft = {mark}", "start = 1", "skip=false"]
        pairs = draw(st.permutations(pairs[: draw(st.integers(1, 4))]))
        comment = draw(st.sampled_from(["", " # more", "\n# below", "\n"]))
        form = draw(st.sampled_from(["plain", "inline", "dotted", "table"]))
        if form == "plain":
            top.append(f"{quoted(name)} = {caption}{comment}")
        elif form == "inline":
            top.append(f"{quoted(name)}={{{', '.join(pairs)}}}{comment}")
        elif form == "dotted":
            top += [f"{quoted(name)} . {pair}{comment}" for pair in pairs]
        else:
            tables += [f"[ {quoted(name)} ]{comment}", *(f"  {pair}" for pair in pairs)]
    text = draw(st.sampled_from(["\n", "\r\n"])).join([*top, *tables])
    return text + draw(st.sampled_from(["", "\n"])), names


@given(documents(), WORDS, NAMES)
def test_any_file_survives_drafting_and_accepting(
    document: tuple[str, list[str]], caption: str, other: str
) -> None:
    text, names = document
    for key in [*names, other]:
        drafted = put_draft(text, key, caption)
        assert table(drafted, key)["draft"] is True
        assert table(drafted, key)["caption"] == caption
        done = accept(drafted, key)
        found = table(done, key)
        assert (found if isinstance(found, str) else found["caption"]) == caption
        assert isinstance(found, str) or found.get("draft", False) is False
        rest = {k: v for k, v in tomli.loads(text).items() if k != key}
        assert {k: v for k, v in tomli.loads(done).items() if k != key} == rest
