"""`lint --fix` on a real folder: captions are mended in their lines, and a comment silences a rule."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.project import run

BEFORE = """\
# Mira's captions
mira_01 = 'mirachar that moves left over a plain brown background'  # the first
mira_02 = { caption = "A shape, mira_char, grows over a plain gray background", repeats = 2 }
"""


def test_captions_are_mended_in_place_and_a_comment_silences_a_rule(tmp_path: Path) -> None:
    folder = tmp_path / "mira"
    assert run(tmp_path, "init", "character", "mira", "--demo").code == 0
    for clip in (folder / "clips").iterdir():
        if clip.stem not in ("mira_01", "mira_02"):
            clip.unlink()
    captions = folder / "captions.toml"
    captions.write_text(BEFORE)
    shown = run(folder, "lint", "--diff")
    assert shown.code == 0 and captions.read_text() == BEFORE
    assert "captions.toml:2: TRG702" in shown.out and "captions.toml:3: TRG703" in shown.out
    fixed = run(folder, "lint", "--fix")
    assert "2 captions mended" in fixed.err
    after = BEFORE.replace("mirachar", "mira_char").replace(
        "A shape, mira_char, grows", "mira_char, a shape, grows"
    )
    assert captions.read_text() == after
    assert "TRG" not in fixed.out.split("mended")[-1].replace("TRG702\n", "").replace("TRG703\n", "")
    assert "not run, as [lint] names no detector: SUB301, SUB302" in fixed.err and "SUB302" in fixed.err
    assert "mira_02" in (folder / "build" / "lint.html").read_text()
    assert "0 captions mended" in run(folder, "lint", "--fix").err

    assert "SET401" in run(folder, "lint").out
    captions.write_text(after.replace("mira_char that moves", "a thing that moves"))
    assert "TRG701" in run(folder, "lint").out
    captions.write_text(captions.read_text().replace("# the first", "# lint: ignore[TRG701]"))
    quiet = run(folder, "lint", "--json")
    assert "TRG701" not in quiet.out
    assert "lint_clip" not in "".join(quiet.ran()), "only the set is judged again"
