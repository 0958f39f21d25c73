"""`init --from`: each format is told by its content, taken whole, and what is left is said."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.dataset.places import call, captions, contents, fill, repeats, take

ONE, TWO = "zorbq_char, a woman walks in the rain", "zorbq_char, a woman laughs"
BOTH = {"a": ONE, "b": TWO}
BESIDE = {"a.mp4": "A", "a.txt": ONE, "b.mov": "B", "b.txt": TWO}


def test_sidecars(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", BESIDE | {"c.png": "C", "c.caption": "zorbq_char, a still"})
    project, said = take(source, tmp_path / "mira")
    assert captions(project) == BOTH | {"c": "zorbq_char, a still"}
    assert contents(project) == {"a": b"A", "b": b"B", "c": b"C"}
    assert (project.name, project.trigger, project.type) == ("mira", "zorbq_char", "character")
    assert "format: sidecars, because a.mp4 has its caption beside it" in said
    assert "took 3 clips with their captions\n" in said and "warning" not in said
    lines = [
        line
        for line in (project.root / "captions.toml").read_text().splitlines()
        if line[:1] not in ("#", "")
    ]
    assert lines == [f'a = "{ONE}"', f'b = "{TWO}"', 'c = "zorbq_char, a still"']


def test_everything_that_is_left_is_said_with_the_reason(tmp_path: Path) -> None:
    source = fill(
        tmp_path / "source",
        BESIDE
        | {"bare.mp4": "x", "orphan.txt": "x", "deep/notes.md": "x", "void.mp4": "", "void.txt": " \n"},
    )
    (source / "link.mp4").symlink_to("/etc/passwd")
    project, said = take(source, tmp_path / "mira")
    assert captions(project) == BOTH
    for line in (
        "warning[D201]: bare.mp4 has no caption",
        "warning[D202]: orphan.txt captions no clip",
        "warning[D206]: deep/notes.md is no clip",
        "warning[D201]: void.mp4 has an empty caption\n--> void.txt:1:1",
        "warning[D207]: link.mp4 is a symlink",
        "took 2 clips with their captions; 5 notes above",
    ):
        assert line in said.replace(" -->", "-->"), line
    assert said.count("warning[") == 5


def test_names_are_made_safe_and_unique_and_that_is_said(tmp_path: Path) -> None:
    names = {
        "a": "a",
        "more/A": "A_2",
        "more/e\u0301": "\u00e9",
        "co:n": "co_n",
        "aux": "_aux",
        "x.mp4": "x_mp4",
    }
    files = {f"{name}.mp4": name for name in names} | {f"{name}.txt": f"zorbq_char {name}" for name in names}
    project, said = take(fill(tmp_path / "source", files), tmp_path / "mira")
    assert captions(project) == {new: f"zorbq_char {old}" for old, new in names.items()}
    assert contents(project) == {new: old.encode() for old, new in names.items()}
    for old, new in names.items():
        assert (f"{old}.mp4 is called {new}.mp4" in said) == (old != new), old


@pytest.mark.parametrize("root", ["", "ROOT/", "one/two/"])
def test_fal_zip(root: str, tmp_path: Path) -> None:
    path = fill(tmp_path / "source", {}) / "fal.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in BESIDE.items():
            archive.writestr(root + name, text)
        archive.writestr("__MACOSX/._a.mp4", "x")
        archive.writestr(f"{root}.DS_Store", "x")
    project, said = take(path, tmp_path / "mira")
    assert captions(project) == BOTH and contents(project) == {"a": b"A", "b": b"B"}
    assert "format: fal, because it is a zip" in said and "warning" not in said


def test_fal_pairs_become_references(tmp_path: Path) -> None:
    files = {
        "p_start.mp4": "R",
        "p_end.mp4": "T",
        "p.txt": ONE,
        "q_start.mov": "S",
        "q_end.mp4": "U",
        "q_end.txt": TWO,
    }
    source = fill(tmp_path / "source", files)
    project, said = take(source, tmp_path / "mira", "--class", "video", kind="control")
    assert captions(project) == {"p": ONE, "q": TWO}
    assert contents(project) == {"p": b"T", "q": b"U"}
    assert (project.root / "references/p.mp4").read_bytes() == b"R"
    assert (project.root / "references/q.mov").read_bytes() == b"S"
    assert "took 2 clips with their captions and 2 references\n" in said
    project, said = take(source, tmp_path / "other")
    assert not (project.root / "references").exists()
    assert said.count("warning[D211]") == 2 and "p_start.mp4 is not taken" in said


ROWS = [{"caption": ONE, "media_path": "clips/a.mp4"}, {"caption": TWO, "media_path": "clips/b.mov"}]
CLIPS = {"clips/a.mp4": "A", "clips/b.mov": "B"}


def _csv(rows: list[dict[str, str]]) -> str:
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize("column", ["media_path", "video"])
@pytest.mark.parametrize("kind", ["json", "jsonl", "csv"])
@pytest.mark.parametrize("named", [False, True])
def test_official_trainer(kind: str, column: str, named: bool, tmp_path: Path) -> None:
    rows = [{"caption": row["caption"], column: row["media_path"]} for row in ROWS]
    text = {"json": json.dumps(rows), "jsonl": "\n".join(map(json.dumps, rows)), "csv": _csv(rows)}[kind]
    source = fill(tmp_path / "source", {**CLIPS, f"dataset.{kind}": text})
    project, said = take(source / f"dataset.{kind}" if named else source, tmp_path / "mira")
    assert captions(project) == BOTH and contents(project) == {"a": b"A", "b": b"B"}
    assert f"format: ltx-trainer, because dataset.{kind} has rows with `caption` and `{column}`" in said
    assert "warning" not in said


@pytest.mark.parametrize("column", ["reference_video", "ref_media_path", "reference_path"])
def test_official_trainer_with_references(column: str, tmp_path: Path) -> None:
    rows = [ROWS[0] | {column: "depth/other.mp4", "video_mask": "m.mp4"}, ROWS[1]]
    source = fill(tmp_path / "source", {**CLIPS, "depth/other.mp4": "D", "dataset.json": json.dumps(rows)})
    project, said = take(source, tmp_path / "mira", "--class", "video", kind="control")
    assert (project.root / "references/a.mp4").read_bytes() == b"D"
    assert "clips/b.mov has no reference" in said and "not taken from dataset.json: video_mask" in said


def test_the_official_trainers_list_in_a_zip(tmp_path: Path) -> None:
    path = fill(tmp_path / "source", {}) / "d.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**CLIPS, "dataset.json": json.dumps(ROWS)}.items():
            archive.writestr(f"root/{name}", text)
    project, said = take(path, tmp_path / "mira")
    assert captions(project) == BOTH and "format: ltx-trainer" in said and "warning" not in said


def test_names_that_another_system_wrote(tmp_path: Path) -> None:
    rows = [{"caption": ONE, "video": "CLIPS\\\u00c9.MP4"}, {"caption": TWO, "video": "clips/twice.mp4"}]
    clips = {"clips/e\u0301.mp4": "E", "clips/Twice.mp4": "1", "clips/TWICE.mp4": "2"}
    source = fill(tmp_path / "source", {**clips, "d.json": json.dumps(rows)})
    project, said = take(source, tmp_path / "mira")
    assert captions(project) == {"\u00e9": ONE}
    assert "warning[D202]: clips/twice.mp4 is not in source" in said


def test_absolute_paths_of_the_official_trainer_inside_and_outside(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", CLIPS)
    fill(tmp_path, {"elsewhere.mp4": "secret"})
    paths = [
        str(source / "clips/a.mp4"),
        str(tmp_path / "elsewhere.mp4"),
        "../elsewhere.mp4",
        "clips/gone.mp4",
    ]
    rows = [{"caption": ONE, "media_path": path} for path in paths] + [{"caption": TWO}]
    fill(source, {"dataset.json": json.dumps(rows, indent=1)})
    project, said = take(source, tmp_path / "mira")
    assert captions(project) == {"a": ONE}
    assert said.count("warning[D203]") == 2 and "lies outside of source" in said
    assert "--> dataset.json:6:1" in said, "the row that leads outside"
    assert "warning[D202]: clips/gone.mp4 is not in source" in said
    assert "warning[D204]: the row has no video or media_path" in said
    assert "warning[D201]: clips/b.mov is not named in dataset.json" in said


def test_musubi_folders(tmp_path: Path) -> None:
    toml = """
[general]
caption_extension = ".cap"
resolution = [960, 544]
[[datasets]]
video_directory = "videos"
control_directory = "control"
num_repeats = 3
[[datasets]]
image_directory = 'stills'
caption_extension = ".txt"
num_repeats = 2
"""
    files = {
        "videos/a.mp4": "A",
        "videos/a.cap": ONE,
        "control/a.mp4": "R",
        "stills/b.png": "B",
        "stills/b.txt": TWO,
    }
    source = fill(tmp_path / "source", {**files, "data.toml": toml})
    project, said = take(source, tmp_path / "mira", "--class", "video", kind="control")
    assert captions(project) == BOTH and repeats(project) == {"a": 3, "b": 2}
    assert (project.root / "references/a.mp4").read_bytes() == b"R"
    assert "format: musubi, because data.toml has [[datasets]] with `video_directory`" in said
    assert (
        "no settings of the training" in said and "resolution" not in (project.root / "lora.toml").read_text()
    )


@pytest.mark.parametrize("named", ["data.toml", "list.jsonl"])
def test_musubi_lists(named: str, tmp_path: Path) -> None:
    rows = [{"video_path": "clips/a.mp4", "caption": ONE}, {"video_path": "clips\\b.mov", "caption": TWO}]
    toml = '[[datasets]]\nvideo_jsonl_file = "list.jsonl"\n'
    files = {**CLIPS, "list.jsonl": "\n".join(map(json.dumps, rows)), "data.toml": toml}
    project, _ = take(fill(tmp_path / "source", files) / named, tmp_path / "mira")
    assert captions(project) == BOTH


def test_kohya(tmp_path: Path) -> None:
    files = {
        "4_zorbq_char woman/a.mp4": "A",
        "4_zorbq_char woman/a.caption": ONE,
        "4_zorbq_char woman/c.mp4": "C",
        "2_zorbq_char woman/b.mp4": "B",
        "2_zorbq_char woman/b.txt": TWO,
        "0_zorbq_char woman/z.mp4": "Z",
        "reg/x.mp4": "X",
    }
    project, said = take(fill(tmp_path / "source", files), tmp_path / "mira")
    assert captions(project) == BOTH | {"c": "zorbq_char woman"}
    assert repeats(project) == {"a": 2, "b": 1, "c": 2}
    assert (project.trigger, project.class_word) == ("zorbq_char", "woman")
    assert "repeats are relative: all were divided by 2" in said
    assert "1 of 4_zorbq_char woman/ have no caption and get the folder's: zorbq_char woman" in said
    assert "0_zorbq_char woman/ has 0 repeats" in said and "reg/x.mp4 belongs to no clip" in said


def test_one_kohya_folder_alone_is_not_taken_for_a_wrapper(tmp_path: Path) -> None:
    files = {"10_zorbq_char woman/a.mp4": "A", "10_zorbq_char woman/a.txt": ONE}
    project, _ = take(fill(tmp_path / "source", files), tmp_path / "mira")
    assert project.class_word == "woman" and repeats(project) == {"a": 1}


YAML = """
config:
  process:
    - type: sd_trainer
      trigger_word: "zorbq_char"
      network: {linear: 32}
      datasets:
        - folder_path: "one"
          caption_ext: "txt"
          num_repeats: 2
          control_path: "control"
        - folder_path: "two"
        - folder_path: "/somewhere/else"
        - folder_path: "reg"
          is_reg: true
"""


def test_ai_toolkit(tmp_path: Path) -> None:
    files = {
        "one/a.mp4": "A",
        "one/a.txt": "[trigger], a woman walks in the rain",
        "control/a.mp4": "R",
        "two/b.mov": "B",
        "two/b.txt": "a woman laughs",
        "reg/w.mp4": "W",
        "config.yaml": YAML,
    }
    project, said = take(
        fill(tmp_path / "source", files), tmp_path / "mira", "--class", "video", kind="control"
    )
    assert captions(project) == BOTH and repeats(project) == {"a": 2, "b": 1}
    assert project.trigger == "zorbq_char"
    assert (project.root / "references/a.mp4").read_bytes() == b"R"
    assert "1 captions lack zorbq_char: it is put in front, as ai-toolkit does" in said
    assert "1 captions had a place for the trigger, and say zorbq_char there" in said
    assert "warning[D203]: /somewhere/else lies outside" in said and "reg/ is for regularisation" in said
    assert "rank" not in (project.root / "lora.toml").read_text()


def test_ai_toolkit_without_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    source = fill(tmp_path / "source", {"config.yaml": YAML, "one/a.mp4": "A", "one/a.txt": ONE})
    done = call("init", "style", tmp_path / "mira", "--from", source)
    assert done.code == 2 and "error[D106]" in done.err and "pip install pyyaml" in done.err
    take(source / "one", tmp_path / "mira")


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_metadata(kind: str, tmp_path: Path) -> None:
    rows = [{"file_name": "a.mp4", "text": ONE}, {"file_name": "b.mov", "text": TWO}]
    text = _csv(rows) if kind == "csv" else "\n".join(map(json.dumps, rows))
    source = fill(tmp_path / "source", {"a.mp4": "A", "b.mov": "B", f"metadata.{kind}": text})
    project, said = take(source, tmp_path / "mira")
    assert captions(project) == BOTH and "format: metadata" in said


def test_a_row_that_says_nothing_usable_about_repeats(tmp_path: Path) -> None:
    rows = [
        {"file_name": "a.mp4", "text": ONE, "repeats": 7},
        {"file_name": "b.mov", "text": TWO, "repeats": "x"},
    ]
    text = "\n".join(map(json.dumps, rows))
    source = fill(tmp_path / "source", {"a.mp4": "A", "b.mov": "B", "metadata.jsonl": text})
    project, said = take(source, tmp_path / "mira")
    assert repeats(project) == {"a": 7, "b": 1}
    assert "warning[D204]: `repeats` is 'x': the clip is drawn once" in said and "metadata.jsonl:2:1" in said


def test_more_repeats_than_a_project_has(tmp_path: Path) -> None:
    files = {"1_zorbq_char/a.mp4": "A", "101_zorbq_char/b.mp4": "B"}
    project, said = take(fill(tmp_path / "source", files), tmp_path / "mira")
    assert repeats(project) == {"a": 1, "b": 100} and "is drawn 101 times as often" in said


@pytest.mark.parametrize(
    ("one", "two", "taken"),
    [
        ("zorbq_char, a", "zorbq_char b", "zorbq_char"),
        ("zorbq_char, a", "Zorbq_char b", None),
        ("A woman", "A man", None),
        ("walking", "walking home", None),
    ],
)
def test_the_word_that_all_captions_begin_with(one: str, two: str, taken: str | None, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", {"a.mp4": "A", "a.txt": one, "b.mp4": "B", "b.txt": two})
    project, said = take(source, tmp_path / "mira")
    assert project.trigger == (taken or "mira_char")
    assert ("every caption begins with it" in said) == (taken is not None)
    project, said = take(source, tmp_path / "other", "--trigger", "other_one")
    assert project.trigger == "other_one" and "every caption" not in said


def test_placeholders_get_the_trigger(tmp_path: Path) -> None:
    source = fill(
        tmp_path / "source", {"a.mp4": "A", "a.txt": "[trigger] walks", "b.mp4": "B", "b.txt": "x [name]"}
    )
    project, _ = take(source, tmp_path / "mira", "--trigger", "other_one")
    assert captions(project) == {"a": "other_one walks", "b": "x other_one"}


def test_a_clip_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    rows = [*ROWS, {"caption": "zorbq_char, other words", "media_path": "./clips/a.mp4"}]
    source = fill(tmp_path / "source", {**CLIPS, "d.jsonl": "\n".join(map(json.dumps, rows))})
    project, said = take(source, tmp_path / "mira")
    assert captions(project) == BOTH
    assert "warning[D205]: clips/a.mp4 is named a second time" in said and "d.jsonl:3:1" in said


def test_two_lists_are_not_chosen_between(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", {**CLIPS, "a.json": json.dumps(ROWS), "b.csv": _csv(ROWS)})
    done = call("init", "style", tmp_path / "mira", "--from", source)
    assert done.code == 2 and "error[D103]: source may be read in 2 ways" in done.err
    assert "--from source/a.json" in done.err
    _, said = take(source / "b.csv", tmp_path / "mira")
    assert "warning[D206]: a.json is no clip" in said


@pytest.mark.parametrize(
    ("files", "code", "why"),
    [
        ({}, "D103", "is of no known format"),
        ({"a.mp4": "A", "b.mp4": "B"}, "D103", "a .txt of the same name"),
        (BESIDE | {"lora.toml": "", "captions.toml": ""}, "D103", "is a project of ltxbuild already"),
        ({"a.mp4": "A", "a.txt": " "}, "D105", "no clip of source can be taken"),
        ({"d.json": json.dumps(ROWS)}, "D105", "clips/a.mp4 is not in source"),
        ({"d.toml": "[[datasets]\n"}, "D103", "is of no known format"),
        ({"c.yaml": "datasets:\n - folder_path: [\n"}, "D104", "is not valid YAML"),
    ],
)
def test_sources_of_which_nothing_can_be_taken(
    files: dict[str, str], code: str, why: str, tmp_path: Path
) -> None:
    source = fill(tmp_path / "source", files)
    done = call("init", "style", tmp_path / "mira", "--from", source)
    assert done.code == 2 and f"error[{code}]" in done.err and why in done.err
    assert not (tmp_path / "mira").exists()


def test_sources_that_are_none(tmp_path: Path) -> None:
    fill(tmp_path, {"clip.mp4": "x"})
    for name in ("gone", "clip.mp4"):
        done = call("init", "style", tmp_path / "mira", "--from", tmp_path / name)
        assert done.code == 2 and "error[D101]" in done.err
    done = call("init", "style", tmp_path / "mira", "--demo", "--from", tmp_path)
    assert done.code == 2 and "not allowed with" in done.err


def test_words_of_a_dataset_that_a_project_cannot_have(tmp_path: Path) -> None:
    yaml = 'trigger_word: "my old trigger"\ndatasets:\n - folder_path: "."\n'
    source = fill(tmp_path / "source", {"a.mp4": "A", "a.txt": "a woman", "config.yml": yaml})
    project, said = take(source, tmp_path / "mira")
    assert "the dataset's trigger `my old trigger` is not taken: it must be one word" in said
    assert project.trigger == "mira_char" and captions(project) == {"a": "my old trigger, a woman"}


def test_importing_loads_nothing_heavy(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", BESIDE)
    script = (
        "import sys\n"
        "from ltxbuild.cli import main\n"
        f"assert main(['init', 'style', {str(tmp_path / 'p')!r}, '--from', {str(source)!r}]) == 0\n"
        f"assert main(['export', '--dataset', 'fal', '-C', {str(tmp_path / 'p')!r}]) == 0\n"
        "loaded = {'torch', 'numpy', 'av', 'diffusers', 'transformers', 'yaml', 'rich'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
