"""Bad input through the real command: a message with a place and no traceback, and with -k the rest is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.project import make_demo, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_demo(tmp_path / "mira")


def test_toml_errors_all_at_once_with_positions(folder: Path) -> None:
    settings = folder / "lora.toml"
    settings.write_text(settings.read_text().replace("steps = 12", "rnk = 16\nsteps = 'many'"))
    (folder / "captions.toml").write_text('a = "x"\na = "y"\n')
    done = run(folder)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "did you mean `rank`" in done.err
    assert "lora.toml:" in done.err and "captions.toml:2:" in done.err
    assert done.err.count("error[") >= 3


def test_bad_clips_are_findings_and_only_what_needs_them_is_blocked(folder: Path) -> None:
    clips = folder / "clips"
    (clips / "empty.mp4").write_bytes(b"")
    (clips / "text.mp4").write_text("this is no video")
    good = sorted(clips.glob("mira_*.mp4"))[0].read_bytes()
    (clips / "broken.mp4").write_bytes(good[: len(good) // 2])
    with (folder / "captions.toml").open("a") as file:
        file.writelines(
            f'{name} = "mira_char, a shape that moves left over a plain teal background {name}."\n'
            for name in ("empty", "text", "broken", "absent")
        )
    held = run(folder, "--json")
    assert held.code == 1
    assert "lint:all" in held.ran()
    assert not any(i.startswith(("text:", "latents:")) for i in held.ran()), (
        "no model works for a refused dataset"
    )
    assert any(e["event"] == "blocked" and str(e["why"]).startswith("lint: ") for e in held.events)

    done = run(folder, "-k", "--json")
    assert done.code == 1
    assert "Traceback" not in done.err
    ran = done.ran()
    assert "latents:fast:mira_01" in ran
    assert not any(i.startswith(("train:", "latents:fast:broken")) for i in ran)

    lint = run(folder, "lint")
    assert lint.code == 1
    for name in ("clips/empty.mp4", "clips/text.mp4", "clips/broken.mp4"):
        assert name in lint.out
    assert "CLP014" in lint.out and "absent" in lint.out
    assert "captions.toml:" in lint.out


def test_unknown_target_names_the_nearest(folder: Path) -> None:
    done = run(folder, "tarin")
    assert done.code == 2
    assert "`train`" in done.err


def test_outside_a_project(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.code == 2
    assert "lora.toml" in done.err and "ltxbuild init" in done.err


def test_a_trigger_that_the_tokenizer_knows_is_not_trained(folder: Path) -> None:
    for clip in sorted((folder / "clips").iterdir())[3:]:
        clip.unlink()
    for name in ("lora.toml", "captions.toml"):
        path = folder / name
        path.write_text(path.read_text().replace("mira_char", "circle"))
    with (folder / "lora.toml").open("a") as file:
        # What lint sees without the base.
        file.write('\n[lint]\nignore = ["TRG705", "SET", "CLP", "CAP6", "CFG", "MOT"]\n')
    lint = run(folder, "lint")
    assert lint.code == 1
    assert "lora.toml:" in lint.out and "TRG706" in lint.out
    assert "TRG706" not in lint.err, "it ran"
    assert "TRG706" in (folder / "build" / "lint.html").read_text()

    held = run(folder, "train", "--json")
    assert held.code == 1
    assert not any(i.startswith("train:") for i in held.ran())
    why = {
        str(e["why"])
        for e in held.events
        if e["event"] == "blocked" and str(e["action"]).startswith("train:")
    }
    assert "tokens: 1 error: TRG706 in trigger" in why
