"""Datasets of other trainers come in and go out by the real command; nothing of a source changes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltxbuild.dataset.item import Item
from ltxbuild.dataset.reading import opened
from ltxbuild.dataset.writing import FORMS, SAYS_REPEATS, Packed
from ltxbuild.problem import ProjectError
from tests.e2e.project import run

CAPTIONS = {
    "walk": 'mira_char, a woman, walks; "slowly", she says.',
    "turn": "mira_char, eine Frau, dreht sich – ,\t'so'.",
    "wave": "mira_char waves\\nback.",
}


def source(folder: Path) -> dict[str, bytes]:
    """Three clips of made-up bytes with captions beside them, and what does not belong there."""
    folder.mkdir(parents=True)
    for stem, caption in CAPTIONS.items():
        (folder / f"{stem}.mp4").write_bytes(b"clip " + stem.encode() * 40)
        (folder / f"{stem}.txt").write_text(caption, encoding="utf-8")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def captions_of(folder: Path) -> dict[str, Any]:
    return tomli.loads((folder / "captions.toml").read_text(encoding="utf-8"))


def plain(captions: dict[str, str]) -> dict[str, str]:
    return {key: " ".join(text.split()) for key, text in captions.items()}


def test_a_folder_with_text_files_becomes_a_project(tmp_path: Path) -> None:
    before = source(tmp_path / "theirs")
    (tmp_path / "theirs" / "notes.pdf").write_bytes(b"%PDF")
    (tmp_path / "theirs" / "extra").mkdir()
    made = run(tmp_path, "init", "character", "mira", "--from", str(tmp_path / "theirs"), "--class", "woman")
    assert made.code == 0, made.err
    assert "trigger = mira_char: every caption begins with it" in made.err
    assert "read as clips with text files: 3 clips" in made.err
    assert "notes.pdf: it is no clip" in made.err and "extra: it is a folder" in made.err
    mira = tmp_path / "mira"
    assert captions_of(mira) == plain(CAPTIONS)
    assert {p.name: p.read_bytes() for p in (mira / "clips").iterdir()} == {
        name: data for name, data in before.items() if name.endswith(".mp4")
    }
    assert {k: (tmp_path / "theirs" / k).read_bytes() for k in before} == before, "the source stays as it is"
    assert tomli.loads((mira / "lora.toml").read_text())["trigger"] == "mira_char"
    assert "P106" in run(tmp_path, "init", "character", "mira", "--from", "theirs").err, (
        "nothing is overwritten"
    )


@pytest.mark.parametrize("form", sorted(FORMS))
def test_what_goes_out_comes_in_again(form: str, tmp_path: Path) -> None:
    source(tmp_path / "theirs")
    assert (
        run(tmp_path, "init", "style", "mira", "--from", str(tmp_path / "theirs"), "--class", "film").code
        == 0
    )
    mira = tmp_path / "mira"
    text = (mira / "captions.toml").read_text()
    (mira / "captions.toml").write_text(
        text.replace('turn = "', 'turn = { repeats = 3, caption = "').replace("so'.\"", "so'.\" }")
    )
    out = run(mira, "export", "--dataset", form)
    assert out.code == 0, out.err
    assert ("repeats cannot be told" in out.err) == (form not in SAYS_REPEATS)
    written = Path(out.out.strip())
    first = {p.relative_to(written): p.read_bytes() for p in written.rglob("*") if p.is_file()}
    assert run(mira, "export", "--dataset", form).code == 0
    assert first == {p.relative_to(written): p.read_bytes() for p in written.rglob("*") if p.is_file()}
    came = {"musubi": written / "dataset.toml", "zip": written / "mira.zip"}.get(form, written)
    back = run(tmp_path, "init", "style", "again", "--from", str(came), "--class", "film")
    assert back.code == 0, back.err
    again = {
        key: entry if isinstance(entry, str) else entry["caption"]
        for key, entry in captions_of(tmp_path / "again").items()
    }
    assert again == plain(CAPTIONS)
    repeats = captions_of(tmp_path / "again")["turn"]
    assert (repeats["repeats"] == 3) if form in SAYS_REPEATS else isinstance(repeats, str)
    for clip in (mira / "clips").iterdir():
        assert (tmp_path / "again" / "clips" / clip.name).read_bytes() == clip.read_bytes()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Co", "Zl", "Zp", "Cn")), max_size=30),
        min_size=1,
        max_size=4,
    ),
    form=st.sampled_from(sorted(FORMS)),
)
def test_any_caption_survives_every_form(
    texts: list[str], form: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("forms")
    items = []
    for i, text in enumerate(texts):
        clip = root / f"c{i}.mp4"
        clip.write_bytes(b"x" * (i + 1))
        items.append(Item(clip, " ".join(text.split())))
    out = root / "out"
    out.mkdir()

    def put(name: str, what: Path | bytes) -> None:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(what if isinstance(what, bytes) else what.read_bytes())

    packed = Packed(root / "all.zip") if form == "zip" else None
    FORMS[form](items, packed.put if packed else put)
    if packed:
        packed.close()
    came = {"musubi": out / "dataset.toml", "zip": root / "all.zip"}.get(form, out)
    with opened(came, root) as found:
        read = {item.path.name: (item.caption or "", item.path.read_bytes()) for item in found.items}
    assert read == {item.path.name: (item.caption, item.path.read_bytes()) for item in items}
    assert not found.left_out


def refused(path: Path, code: str) -> str:
    with pytest.raises(ProjectError) as error, opened(path, path.parent):
        pass
    assert [problem.code for problem in error.value.problems] == [code]
    return str(error.value.problems[0].message)


def test_archives_that_lead_elsewhere_or_explode_are_refused(tmp_path: Path) -> None:
    for name in ("../out.mp4", "/abs.mp4", "a/../../b.mp4", "c\\..\\d.mp4", "C:/x.mp4"):
        path = tmp_path / "bad.zip"
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(zipfile.ZipInfo(name), b"x")
        assert "leads out of its folder" in refused(path, "D102"), name
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.mp4", bytes(4 * 2**20))
    assert "times its size" in refused(tmp_path / "bomb.zip", "D102")
    (tmp_path / "torn.zip").write_bytes(b"PK\x03\x04 nothing")
    assert "damaged" in refused(tmp_path / "torn.zip", "D102")
    assert not list(tmp_path.glob(".ltxbuild-tmp-*")), "nothing is left behind"
    assert not (tmp_path.parent / "out.mp4").exists()


def test_tables_name_what_they_cannot_give(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.mp4").write_bytes(b"a")
    (tmp_path / "secret.mp4").write_bytes(b"s")
    (tmp_path / "set" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    rows = [
        {"media_path": "a.mp4", "caption": "fine"},
        {"media_path": "../secret.mp4", "caption": "no"},
        {"media_path": "link.mp4", "caption": "no"},
        {"media_path": "gone.mp4", "caption": "no"},
        {"caption": "no file"},
        "no row",
    ]
    (tmp_path / "set" / "dataset.json").write_text(json.dumps(rows))
    with opened(tmp_path / "set", tmp_path) as found:
        assert [item.caption for item in found.items] == ["fine"]
        reasons = dict(found.left_out)
    assert "outside" in reasons["dataset.json:2"] and "outside" in reasons["dataset.json:3"]
    assert "there is no" in reasons["dataset.json:4"] and "names no file" in reasons["dataset.json:5"]
    assert len(reasons) == 5
    (tmp_path / "set" / "dataset.json").write_text("[{")
    assert "cannot be read" in refused(tmp_path / "set", "D102")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "D103")
    refused(tmp_path / "gone", "D101")


def test_kohya_numbers_are_repeats_and_a_placeholder_is_the_trigger(tmp_path: Path) -> None:
    for folder, caption in (("3_mira", "[trigger], a woman, walks"), ("1_mira", "[trigger] sits")):
        (tmp_path / "set" / folder).mkdir(parents=True)
        (tmp_path / "set" / folder / "same.mp4").write_bytes(folder.encode())
        (tmp_path / "set" / folder / "same.txt").write_text(caption)
    made = run(
        tmp_path,
        "init",
        "character",
        "--trigger",
        "mira_char",
        "--class",
        "woman",
        "--from",
        str(tmp_path / "set"),
        "mira",
    )
    assert made.code == 0, made.err
    assert captions_of(tmp_path / "mira") == {
        "same": "mira_char sits",
        "same_2": {"caption": "mira_char, a woman, walks", "repeats": 3},
    }
