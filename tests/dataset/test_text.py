"""Captions of any content survive writing and reading in every format, and lists as people save them are read."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from ltxbuild.dataset.entry import Entry, Words
from ltxbuild.dataset.formats import WRITTEN
from ltxbuild.dataset.import_project import captions_text, place
from ltxbuild.dataset.package import write_package
from ltxbuild.dataset.read import read_dataset
from ltxbuild.dataset.wording import one_line
from ltxbuild.problem import ProjectError
from tests.dataset.places import captions, fill, take

WORDS = Words("zorbq_char", "woman")
# What captions.toml may hold: no control, format, surrogate or private signs, one line.
SIGNS = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
SHARP = st.sampled_from(list("\"',;\\#={}[]:|\u00e9\u0301\u6c34\U0001f40e\u00a0 "))
CAPTIONS = st.lists(SIGNS | SHARP, max_size=40).map(lambda signs: one_line("zorbq_char " + "".join(signs)))
RAW = st.text(st.sampled_from(list("ab \"',;\\\r\n\t\u2028\u00a0\u200b\ufeff\u6c34")), max_size=30)


@pytest.mark.parametrize("name", WRITTEN)
@settings(max_examples=20)  # each writes and reads a folder, and there are nine formats
@given(texts=st.lists(st.tuples(CAPTIONS, st.integers(1, 100)), min_size=1, max_size=4))
def test_written_captions_are_read_back(name: str, texts: list[tuple[str, int]]) -> None:
    form = WRITTEN[name]
    texts = [(texts[0][0], 1), *texts[1:]]  # a common factor of the repeats would go
    entries = [Entry(f"c{i}.mp4", caption, repeats) for i, (caption, repeats) in enumerate(texts)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = {entry.path: fill(folder / "clips", {entry.path: "x"}) / entry.path for entry in entries}
        zip_name = "d.zip" if form.zipped else ""
        write_package(folder / "out", form.layout(entries, WORDS), files, zip_name, folder / "memory")
        found = read_dataset(folder / "out" / zip_name).reading
    assert not found.left
    read = {entry.path.rpartition("/")[2]: (entry.caption, entry.repeats) for entry in found.entries}
    assert read == {e.path: (e.caption, e.repeats if form.repeats else 1) for e in entries}


@given(
    texts=st.dictionaries(st.text(SIGNS | SHARP, min_size=1, max_size=12), CAPTIONS, min_size=1, max_size=5)
)
def test_captions_toml_says_what_was_read(texts: dict[str, str]) -> None:
    entries = [Entry(f"c{i}.mp4", caption, stem=stem) for i, (stem, caption) in enumerate(texts.items())]
    placed = place(entries, "t")
    written = tomli.loads(captions_text(placed))
    assert list(written) == sorted(one.stem for one in placed) and len(written) == len(texts)
    assert {one.entry.path: written[one.stem] for one in placed} == {
        e.path: e.caption.replace("[trigger]", "t").replace("[name]", "t") for e in entries
    }


@pytest.mark.parametrize("kind", ["json", "jsonl", "csv", "txt"])
@settings(max_examples=50)
@given(texts=st.lists(RAW, min_size=1, max_size=4), marked=st.booleans(), windows=st.booleans())
def test_lists_as_editors_save_them(kind: str, texts: list[str], marked: bool, windows: bool) -> None:
    captions = [f"zorbq_char {text}" for text in texts]
    newline = "\r\n" if windows else "\n"
    rows = [{"caption": caption, "media_path": f"c{i}.mp4"} for i, caption in enumerate(captions)]
    files: dict[str, str | bytes] = {f"c{i}.mp4": "x" for i in range(len(rows))}
    mark = "\ufeff" if marked else ""
    if kind == "csv":
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, ["media_path", "caption"], lineterminator=newline, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
        files["d.csv"] = mark + out.getvalue()
    elif kind == "txt":
        files |= {f"c{i}.txt": mark + caption for i, caption in enumerate(captions)}
    elif kind == "json":
        files["d.json"] = mark + json.dumps(rows, indent=1, ensure_ascii=marked).replace("\n", newline)
    else:
        files["d.jsonl"] = mark + "".join(json.dumps(row) + newline for row in rows)
    with tempfile.TemporaryDirectory() as temporary:
        found = read_dataset(fill(Path(temporary), files)).reading
    hidden = str.maketrans("", "", "\u200b\ufeff")
    assert [e.caption for e in sorted(found.entries, key=lambda e: int(e.path[1:-4]))] == [
        one_line(one_line(caption).translate(hidden)) for caption in captions
    ]
    assert {problem.code for problem in found.left} <= {"D208"}


@pytest.mark.parametrize(
    ("name", "text", "line", "why"),
    [
        ("d.json", '[{"caption": "x", "media_path": "a.mp4"},\n {"caption": }]', 2, "Expecting value"),
        ("d.json", '[{"caption": "x", "media_path": "a.mp4"}\n\n{}]', 3, "a comma or `]` is missing"),
        ("d.json", '[{"caption": "x", "media_path": "a.mp4"},\n 3]', 2, "a row must be an object"),
        ("d.json", '[{"caption": "x", "media_path": "a.mp4"}]\nx', 2, "something stands after"),
        ("d.json", '[{"caption": "x", "media_path": "a.mp4"}', 1, "a comma or `]` is missing"),
        ("d.jsonl", '{"caption": "x", "media_path": "a.mp4"}\n\n{"a"}\n', 3, "is not valid JSON"),
        ("d.csv", 'caption,media_path\n"x\n",a.mp4\nx,y,z\n', 4, "has 3 values"),
        ("d.csv", 'caption,media_path\nx,a.mp4\n"x', 3, "is not valid CSV"),
    ],
)
def test_lists_that_cannot_be_read_have_a_line(
    name: str, text: str, line: int, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ProjectError) as caught:
        read_dataset(fill(tmp_path, {name: text, "a.mp4": "x"}))
    (problem,) = caught.value.problems
    assert (problem.code, problem.span and problem.span.line) == ("D104", line) and why in problem.message


def test_all_broken_lines_at_once(tmp_path: Path) -> None:
    text = '{"caption": "x", "media_path": "a.mp4"}\n{\n3\n"x"\n'
    with pytest.raises(ProjectError) as caught:
        read_dataset(fill(tmp_path, {"d.jsonl": text, "a.mp4": "x"}))
    assert [problem.span and problem.span.line for problem in caught.value.problems] == [2, 3, 4]


def test_deeply_nested_lists(tmp_path: Path) -> None:
    for number, text in enumerate(("[" * 100_000, '[{"caption": "x", "media_path": ' + "[" * 100_000)):
        with pytest.raises(ProjectError) as caught:
            read_dataset(fill(tmp_path / str(number), {"d.json": text, "a.mp4": "x"}))
        assert caught.value.problems[0].code == "D103"


@pytest.mark.parametrize("coding", ["utf-16", "utf-8-sig"])
def test_codings_of_editors(coding: str, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", {"a.mp4": "A", "a.txt": "zorbq_char g\u00e4rtner".encode(coding)})
    assert captions(take(source, tmp_path / "mira")[0]) == {"a": "zorbq_char g\u00e4rtner"}


def test_other_codings_leave_the_clip_out_with_the_line(tmp_path: Path) -> None:
    files = {
        "a.mp4": "A",
        "a.txt": b"x\ng\xe4rtner",
        "b.mp4": "B",
        "b.txt": "x",
        "c.mp4": "C",
        "c.txt": "y" * 300_000,
    }
    project, said = take(fill(tmp_path / "source", files), tmp_path / "mira")
    assert captions(project) == {"b": "x"}
    assert "a.txt is not UTF-8" in said and "--> a.txt:2:1" in said
    assert "c.txt has 300,000 bytes, more than the 262,144" in said


def test_invisible_characters_are_taken_out_and_that_is_said(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", {"a.mp4": "A", "a.txt": "zor\u200bbq \u202ewalks\r\n home\x07"})
    project, said = take(source, tmp_path / "mira")
    assert captions(project) == {"a": "zorbq walks home"}
    assert "warning[D208]: the caption of a.mp4 loses the invisible character U+200B" in said
