"""Loading folders: facts and problems, keys and positions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ltxbuild.problem import ProjectError, render
from ltxbuild.project.project import load
from tests.project.folder import LORA, codes, make, problems


def test_all_problems_of_both_files_at_once_in_order(tmp_path: Path) -> None:
    lora = LORA + '\n[train]\nrnk = 16\nsteps = "many"\n'
    root = make(tmp_path, lora, 'a = "x"\nb = { captoin = "y", repeats = 0 }\n', ["a.mp4", "notes.txt"])
    found = problems(root)
    places = [(p.span.file, p.span.line, p.span.column) if p.span else None for p in found]
    assert places == [
        ("lora.toml", 8, 1),
        ("lora.toml", 9, 9),
        ("captions.toml", 2, 7),
        ("captions.toml", 2, 32),
        None,
    ]


def test_a_syntax_error_hides_nothing_of_the_other_file(tmp_path: Path) -> None:
    assert codes(make(tmp_path, LORA + "[train]\nrnk = 1\n", 'a = "x\n')) == {"P201", "P104"}
    assert codes(make(tmp_path, LORA + "x = \n", "a = { strat = 1 }\n")) == {"P201", "P104"}


def test_the_message_as_promised(tmp_path: Path) -> None:
    (problem,) = problems(make(tmp_path, LORA + '\n[train]\nmode = "fast"\nrnk = 16\n'))
    assert render(problem) == (
        "error[P201]: unknown key `rnk` in [train]\n"
        " --> lora.toml:9:1\n"
        "  |\n"
        "9 | rnk = 16\n"
        "  | ^^^ did you mean `rank`?"
    )


def test_a_duplicate_key_names_both_lines(tmp_path: Path) -> None:
    (problem,) = problems(make(tmp_path, captions='a = "x"\n\n"a" = "y"\n'))
    assert problem.span is not None and problem.span.line == 3
    assert "line 1" in problem.hint


def test_missing_partners_are_facts(tmp_path: Path) -> None:
    project = load(make(tmp_path, captions='a = "x"\nc = "y"\n', clips=["b.png", "a.MOV"]))
    assert [(c.key, c.path, c.caption, c.image) for c in project.clips] == [
        ("a", "clips/a.MOV", "x", False),
        ("b", "clips/b.png", None, True),
    ]
    assert project.orphans == ("c",)


def test_every_key_of_an_entry(tmp_path: Path) -> None:
    cut = 'caption = """x,\n  y""", start = 1, end = 2.5'
    text = f"a = {{ {cut}, repeats = 2, skip = true, crop = 'left', holdout = true, draft = true }}\n"
    (clip,) = load(make(tmp_path, captions=text, clips=["a.mp4"])).clips
    assert (clip.caption, clip.start, clip.end, clip.repeats) == ("x, y", 1.0, 2.5, 2)
    assert clip.crop == "left"
    assert clip.skip and clip.holdout and clip.draft


@pytest.mark.parametrize(
    ("value", "code", "hint"),
    [('"center"', "P203", "`centre`"), ('"up"', "P203", 'crop = "left"'), ("0.5", "P202", 'crop = "left"')],
)
def test_a_side_that_there_is_not(value: str, code: str, hint: str, tmp_path: Path) -> None:
    root = make(tmp_path, captions=f'a = {{ caption = "x", crop = {value} }}\n', clips=["a.mp4"])
    with pytest.raises(ProjectError) as caught:
        load(root)
    (problem,) = caught.value.problems
    assert problem.code == code and problem.span is not None and problem.span.line == 1
    assert "one of left, centre, right, top, bottom" in problem.message and hint in problem.hint


def test_keys_with_extension_composition_and_case(tmp_path: Path) -> None:
    clips = ["cafe\u0301.mp4", "x.mp4", "x.png", "B.mp4"]
    text = '"caf\u00e9" = "1"\n"x.mp4" = "2"\n"x.png" = "3"\nb = "4"\n'
    project = load(make(tmp_path, captions=text, clips=clips))
    assert {c.key: c.caption for c in project.clips} == {
        "B": "4",
        "caf\u00e9": "1",
        "x.mp4": "2",
        "x.png": "3",
    }
    assert not project.orphans
    assert [getattr(project.position("captions.toml", c.key), "line", None) for c in project.clips] == [
        4,
        1,
        2,
        3,
    ]


def test_two_keys_for_one_clip(tmp_path: Path) -> None:
    assert codes(make(tmp_path, captions='a = "x"\n"a.mp4" = "y"\n', clips=["a.mp4"])) == {"P303"}


def test_hidden_files_and_litter_are_passed_over(tmp_path: Path) -> None:
    assert load(make(tmp_path, clips=[".DS_Store", "Thumbs.db", ".a.mp4.swp"])).clips == ()


def test_a_missing_clips_folder_is_empty(tmp_path: Path) -> None:
    (make(tmp_path) / "clips").rmdir()
    assert load(tmp_path).clips == ()


def test_symlinks_only_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "far.mp4").touch()
    root = make(tmp_path / "p")
    os.symlink(tmp_path / "far.mp4", root / "clips" / "a.mp4")
    assert codes(root) == {"P306"}
    assert [c.key for c in load(root, follow=True).clips] == ["a"]


def test_stills_have_no_cut(tmp_path: Path) -> None:
    assert codes(make(tmp_path, captions="a = { start = 1 }\n", clips=["a.png"])) == {"P307"}


def test_positions_for_findings(tmp_path: Path) -> None:
    project = load(
        make(tmp_path, LORA + "[train]\nrank = 8\n[train.fast]\nrank = 4\n", 'a = "x"\n', ["a.mp4"])
    )
    line = {
        key: getattr(project.position("lora.toml", key), "line", None)
        for key in ("trigger", "train.rank", "no")
    }
    assert line == {"trigger": 2, "train.rank": 9, "no": None}
    assert project.position("clips/a.mp4", "a") is None
    assert project.position("captions.toml", None) is None


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    root = make(tmp_path, clips=["a.mp4"])
    (root / "captions.toml").write_bytes(b'\xef\xbb\xbfb = "1"\r\na = "x"\r\n')
    project = load(root)
    span = project.position("captions.toml", "a")
    assert span is not None and (span.line, span.text) == (2, 'a = "x"')


def test_deep_nesting_is_a_message(tmp_path: Path) -> None:
    assert codes(make(tmp_path, captions="a = " + "[" * 50_000)) == {"P104"}


def test_loading_is_light() -> None:
    script = (
        "import sys, ltxbuild.project.project\n"
        "heavy = {'torch', 'numpy', 'av', 'diffusers', 'rich', 'difflib', 'asyncio'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_clip_name_that_is_no_text(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(make(tmp_path) / "clips") + b"/a\xff.mp4", os.O_CREAT))
    (problem,) = problems(tmp_path)
    assert problem.code == "P301"
    render(problem).encode()


def test_a_weight_says_how_much_more_or_less_often_a_clip_is_drawn(tmp_path: Path) -> None:
    text = 'a = { caption = "x", repeats = 3, weight = 0.5 }\nb = { caption = "x", weight = 2 }\nc = "x"\n'
    root = make(tmp_path, LORA, text, ["a.mp4", "b.mp4", "c.mp4"])
    assert [clip.drawn for clip in load(root).clips] == [1.5, 2, 1]


@pytest.mark.parametrize(
    ("weight", "code"), [("0", "P203"), ("nan", "P203"), ("101", "P203"), ("true", "P202"), ("'2'", "P202")]
)
def test_a_weight_that_is_none_is_refused(weight: str, code: str, tmp_path: Path) -> None:
    root = make(tmp_path, LORA, f'a = {{ caption = "x", weight = {weight} }}\n', ["a.mp4"])
    with pytest.raises(ProjectError) as caught:
        load(root)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_a_crop_on_the_subject_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    text = 'a = { caption = "x", crop = "subject" }\n'
    root = make(tmp_path, LORA + '\n[bucket]\ncrop = "centre"\n', text, ["a.mp4"])
    with pytest.raises(ProjectError) as caught:
        load(root)
    (problem,) = caught.value.problems
    assert problem.code == "P220" and problem.span is not None and problem.span.file == "captions.toml"
