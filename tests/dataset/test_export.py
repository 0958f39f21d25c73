"""`export --dataset`: what is written is read back as the same dataset, and what a format cannot say is said."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from ltxbuild.commands.export import FORMATS
from ltxbuild.dataset.formats import BY_FILE, BY_NAMES, WRITTEN
from ltxbuild.project.project import load
from tests.dataset.places import Run, call, captions, contents, fill, repeats, state, take

CLIPS = Path(__file__).parents[1] / "clips"
CAPTIONS = """
a = "zorbq_char, a woman says \\"no, thanks\\" \u2014 it's 100 % true"
"b.c" = { caption = "zorbq_char, a woman laughs", repeats = 3, holdout = true }
d = { caption = "zorbq_char, a woman in the rain", repeats = 3, draft = true }
left = { caption = "zorbq_char, nobody", skip = true }
"""
FILES = {"a.mp4": "A", "b.c.mov": "B", "d.mp4": "D", "left.mp4": "L", "bare.mp4": "x"}


def project(root: Path, kind: str = "character", text: str = CAPTIONS) -> Path:
    """A project with clips of a few bytes."""
    made = call("init", kind, root, "--trigger", "zorbq_char", "--class", "woman")
    assert made.code == 0, made.err
    fill(root / "clips", FILES)
    (root / "captions.toml").write_text(text, encoding="utf-8")
    return root


def export(root: Path, name: str, *words: str) -> tuple[Path, Run]:
    """Write the dataset; its place as it was printed."""
    done = call("export", "--dataset", name, "-C", root, *words)
    assert done.code == 0, done.err
    return Path(done.out.strip()), done


def test_the_names_in_the_parser_are_those_of_the_formats() -> None:
    assert tuple(WRITTEN) == FORMATS
    assert {form.name for form in (*BY_FILE, *BY_NAMES)} <= set(WRITTEN)


@pytest.mark.parametrize("name", FORMATS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    root = project(tmp_path / "mira")
    sources = state(root / "clips")
    place, done = export(root, name)
    assert state(root / "clips") == sources
    back, said = take(place, tmp_path / "back")
    wanted = {key: text for key, text in captions(load(root)).items() if key not in ("left", "bare")}
    assert captions(back) == wanted
    assert contents(back) == {"a": b"A", "b.c": b"B", "d": b"D"}
    assert back.trigger == "zorbq_char" and "warning" not in said
    can = WRITTEN[name].repeats
    assert repeats(back) == ({"a": 1, "b.c": 3, "d": 3} if can else {"a": 1, "b.c": 1, "d": 1})
    assert (f"{name} has no word for repeats: b.c (3), d (3)" in done.err) != can
    for line in (
        "left out, as they say skip: left",
        "left out, as they have no caption: bare",
        f"{name} has no word for holdout: exported as any clip: b.c",
        f"{name} has no word for draft: nobody has read these captions: d",
    ):
        assert line in done.err


@pytest.mark.parametrize("name", FORMATS)
def test_round_trip_of_references(name: str, tmp_path: Path) -> None:
    root = project(tmp_path / "mira", "control")
    fill(root / "references", {"a.mp4": "RA", "b.c.mov": "RB", "d.mov": "RD"})
    place, done = export(root, name)
    back, said = take(place, tmp_path / "back", kind="control")
    found = {path.name: path.read_bytes() for path in (back.root / "references").iterdir()}
    can = WRITTEN[name].references
    assert found == ({"a.mp4": b"RA", "b.c.mov": b"RB", "d.mov": b"RD"} if can else {})
    assert ("has no word for references: a.mp4, b.c.mov, d.mp4" in done.err) != can
    assert ("warning" in said) != can, said
    assert contents(back) == {"a": b"A", "b.c": b"B", "d": b"D"}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_project_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    digests = []
    for number in range(2):
        place, _ = export(project(tmp_path / str(number) / "mira"), name)
        files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
        digests.append([(p.relative_to(place), hashlib.sha256(p.read_bytes()).digest()) for p in files])
    assert digests[0] == digests[1] and len(digests[0]) >= 1


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_of_this_machine_is_written(name: str, tmp_path: Path) -> None:
    place, _ = export(project(tmp_path / "mira"), name)
    for path in [place] if place.is_file() else [p for p in place.rglob("*") if p.is_file()]:
        assert str(tmp_path).encode() not in path.read_bytes()


def test_the_zip_is_plain(tmp_path: Path) -> None:
    place, done = export(project(tmp_path / "mira"), "fal")
    assert place == tmp_path / "mira/build/dataset/fal/mira.zip"
    with zipfile.ZipFile(place) as archive:
        members = archive.infolist()
    assert [m.filename for m in members] == ["a.mp4", "a.txt", "b.c.mov", "b.c.txt", "d.mp4", "d.txt"]
    assert {(m.date_time, m.compress_type) for m in members} == {((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)}
    assert "fal accepts" not in done.err and "does not accept" not in done.err


def test_what_fal_does_not_accept(tmp_path: Path) -> None:
    root = project(tmp_path / "mira", text=CAPTIONS + 'e = "zorbq_char"\nf = "zorbq_char"\n')
    fill(root / "clips", {"e.webm": "E", "f.png": "F"})
    _, done = export(root, "fal")
    assert "fal does not accept .webm: e.webm" in done.err
    assert "fal accepts videos only or images only" in done.err


def test_two_clips_of_one_stem_keep_their_own_captions(tmp_path: Path) -> None:
    root = project(tmp_path / "mira", text='"a.mp4" = "zorbq_char one"\n"a.png" = "zorbq_char two"\n')
    fill(root / "clips", {"a.png": "P"})
    back, _ = take(export(root, "sidecars")[0], tmp_path / "back")
    assert captions(back) == {"a": "zorbq_char one", "a_2": "zorbq_char two"}
    assert contents(back) == {"a": b"A", "a_2": b"P"}


def test_a_second_export_replaces_the_first_and_keeps_what_somebody_changed(tmp_path: Path) -> None:
    root = project(tmp_path / "mira")
    place, _ = export(root, "sidecars")
    (root / "captions.toml").write_text(CAPTIONS.replace("laughs", "cries"), encoding="utf-8")
    _, done = export(root, "sidecars")
    assert "kept as" not in done.err and "cries" in (place / "b.c.txt").read_text()
    (place / "a.txt").write_text("mine")
    _, done = export(root, "sidecars")
    assert "build/dataset/sidecars was changed by hand: kept as sidecars.local" in done.err
    assert (place.with_name("sidecars.local") / "a.txt").read_text() == "mine"
    fill(place, {"more.txt": "mine too"})
    _, done = export(root, "sidecars")
    assert "kept as sidecars.local2" in done.err
    assert sorted(p.name for p in place.parent.iterdir()) == ["sidecars", "sidecars.local", "sidecars.local2"]


def test_a_cut_clip_is_exported_as_the_piece(tmp_path: Path) -> None:
    text = 'cut = { caption = "zorbq_char one", start = 0.5, end = 1.0 }\nwhole = "zorbq_char two"\n'
    root = project(tmp_path / "mira", text=text)
    for name in FILES:
        (root / "clips" / name).unlink()
    shutil.copy(CLIPS / "bbb_05.mp4", root / "clips/cut.mp4")
    shutil.copy(CLIPS / "bbb_06.mp4", root / "clips/whole.mp4")
    place, done = export(root, "sidecars")
    assert "2 clips, 1 of them as the training sees them" in done.err
    assert (place / "whole.mp4").read_bytes() == (CLIPS / "bbb_06.mp4").read_bytes()
    assert _seconds(place / "cut.mp4") == pytest.approx(0.5, abs=0.05)
    _, done = export(root, "sidecars", "--transcoded")
    assert "2 clips, 2 of them as the training sees them" in done.err and "kept as" not in done.err


def _seconds(path: Path) -> float:
    import av

    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return stream.frames / float(stream.average_rate or 1)


def test_a_piece_that_cannot_be_made(tmp_path: Path) -> None:
    root = project(tmp_path / "mira", text='a = { caption = "zorbq_char one", start = 0.5 }\n')
    done = call("export", "--dataset", "fal", "-C", root)
    assert done.code == 1 and "error[D302]: these clips could not be transcoded: a" in done.err
    assert not (root / "build/dataset").exists()


def test_refusals(tmp_path: Path) -> None:
    root = project(tmp_path / "mira", text="")
    done = call("export", "--dataset", "fal", "-C", root)
    assert done.code == 2 and "error[D301]" in done.err
    done = call("export", "report", "--dataset", "fal", "-C", root)
    assert done.code == 2 and "error[D303]" in done.err
    assert call("export", "--dataset", "nothing", "-C", root).code == 2
