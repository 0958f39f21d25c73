"""Long footage becomes clips of one shot each: at its cuts, within the lengths asked for, with what is left out told."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.dataset.pieces import Piece, clip_name, pieces
from tests.e2e.project import run
from tests.lint.corpus import film, scene, tone

TIMES = st.floats(0.05, 40).map(lambda t: round(t, 3))


@given(
    st.lists(TIMES, max_size=6, unique=True), st.lists(TIMES, max_size=4), st.floats(0.5, 3), st.floats(1, 3)
)
def test_pieces_cover_the_footage_once_and_keep_to_the_lengths(
    cuts: list[float], holes: list[float], least: float, factor: float
) -> None:
    shots: dict[str, Any] = {"duration": 41.0, "cuts": sorted(cuts), "frozen": [], "black": []}
    for number, start in enumerate(sorted(holes)):
        shots["black" if number % 2 else "frozen"].append([start, min(41.0, start + 0.7)])
    found = pieces(shots, least, least * factor)
    assert abs(sum(piece.seconds for piece in found) - 41.0) < 1e-3, "every instant once"
    for one, other in itertools.pairwise(found):
        assert abs(one.end - other.start) < 1e-6
    for piece in found:
        if not piece.why:
            assert least - 2e-3 <= piece.seconds <= least * factor + 2e-3
            assert not any(piece.start + 1e-6 < cut < piece.end - 1e-6 for cut in cuts), "one shot"
            assert not any(
                piece.start < b - 1e-6 and a + 1e-6 < piece.end for a, b in shots["black"] + shots["frozen"]
            )


def test_names_say_source_and_time_and_need_no_quotes() -> None:
    assert clip_name("Holiday in Rome (1)", Piece(12.4, 3016.2)) == "Holiday_in_Rome_1_0012s40_3016s20"
    assert clip_name("日本", Piece(0, 2)) == "clip_0000s00_0002s00"


def footage(path: Path) -> Path:
    """Three shots of 2.5, 0.5 and 6 seconds, half a second of black, and sound."""
    small = {"width": 160, "height": 96}
    black = np.zeros((12, 96, 160, 3), np.uint8)
    shown = [scene(1, 60, (1, 1), **small), scene(2, 12, **small), black, scene(3, 144, (1, 0), **small)]
    film(np.concatenate(shown), sound=tone(9.5))(path)
    return path


def frames_of(path: Path) -> int:
    with av.open(str(path)) as clip:
        assert clip.streams.audio, "the sound comes along"
        return sum(1 for _ in clip.decode(video=0))


def test_footage_is_shown_then_cut_into_clips_that_lint_finds_whole(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "style", "film", "--trigger", "film_style", "--class", "film").code == 0
    folder, source = tmp_path / "film", footage(tmp_path / "My film.mp4")
    before = source.read_bytes()
    shown = run(folder, "split", str(source))
    assert shown.code == 0 and "nothing was cut" in shown.err
    assert not list((folder / "clips").iterdir())
    names = ["My_film_0000s00_0002s50", "My_film_0003s50_0006s50", "My_film_0006s50_0009s50"]
    assert [word for word in shown.out.split() if word.startswith("My_film")] == [
        f"{name}.mp4" for name in names
    ]
    assert shown.out.count("left out") == 2

    cut = run(folder, "split", str(source), "--yes", "--json")
    assert cut.code == 0, cut.err
    rows = [json.loads(line) for line in cut.out.splitlines()]
    assert [row["left_out"] for row in rows] == ["", "shorter than 2 s", "black", "", ""]
    clips = sorted((folder / "clips").iterdir())
    assert [clip.stem for clip in clips] == names
    assert [frames_of(clip) for clip in clips] == [60, 72, 72]
    assert source.read_bytes() == before
    sheet = (folder / "build" / "split-My_film.html").read_text()
    assert sheet.count("data:image/jpeg") == 3 and "3.50 to 6.50 s of My film.mp4" in sheet
    (folder / "captions.toml").write_text("".join(f'{name} = "film_style, {name}"\n' for name in names))
    assert "PIX101" not in run(folder, "lint").out
    again = run(folder, "split", str(source), "--yes")
    assert again.code == 1 and "D112" in again.err, "nothing is overwritten"


def test_what_is_no_footage_is_refused_in_words(tmp_path: Path) -> None:
    run(tmp_path, "init", "style", "film", "--trigger", "film_style", "--class", "film")
    (tmp_path / "words.mp4").write_text("no film")
    broken = run(tmp_path / "film", "split", str(tmp_path / "words.mp4"), str(tmp_path / "gone.mp4"))
    assert broken.code == 1
    assert "D113" in broken.err and "none of the formats" in broken.err and "D111" in broken.err
    assert run(tmp_path / "film", "split", "x.mp4", "--least", "5", "--most", "2").code == 2
