"""A base that is not on this machine: nothing is fetched before it is needed, and the message says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.base import original
from tests.e2e.project import edit, make_demo, run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's clips for a base that only the Hub has, on a machine without a network."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made = make_demo(tmp_path / "mira")
    edit(made / "lora.toml", 'base = "tiny"', 'base = "ltx-2.3"')
    return made


def test_clips_are_transcoded_and_linted_without_the_base(folder: Path) -> None:
    done = run(folder, "transcode", "lint")
    assert "B203" not in done.err
    assert done.out.startswith("built ")
    again = run(folder, "transcode")
    assert again.code == 0
    assert again.out.startswith("up to date")


def test_an_error_of_lint_is_told_before_anything_is_fetched(folder: Path) -> None:
    for clip in (folder / "clips").glob("*.mp4"):
        clip.unlink()
    (folder / "captions.toml").write_text("")
    done = run(folder)
    assert done.code == 1
    assert "B203" not in done.err and "fetched from the Hub" not in done.err
    assert "blocked" in done.err and "lint:" in done.err
    assert (folder / "build" / "lint.html").exists()


def test_a_base_that_cannot_be_had_is_named_with_what_to_do(folder: Path) -> None:
    # The demo's clips are smaller than what this base is trained on: that is a matter of lint, not of this test.
    edit(folder / "lora.toml", 'base = "ltx-2.3"', 'base = "ltx-2.3"\n\n[lint]\nignore = ["ALL"]')
    done = run(folder)
    assert done.code == 1
    assert "B203" in done.err and "Traceback" not in done.err
    assert "licence" in done.err and "ltxbuild rehearse" in done.err
    assert run(folder, "transcode").code == 0


def test_a_single_file_in_the_layout_of_ltx_itself_is_trained_on(tmp_path: Path, neutral: Path) -> None:
    """From the file to an exported LoRA; that the text encoder lies elsewhere is this computer's matter alone."""
    file = original.write(tmp_path / "models" / "ltx-tiny-dev.safetensors")
    settings = neutral / "config" / "ltxbuild" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'[bases]\ntiny = "{file}"\ntext_encoder = "{original.TINY / "text_encoder"}"\n')
    made = make_demo(tmp_path / "mira")
    done = run(made, "export")
    assert done.code == 0, done.err
    assert str(tmp_path).encode() not in (made / "build" / "mira.safetensors").read_bytes()
    assert run(made, "export").out.startswith("up to date")
    # The same weights at another place are the same base.
    moved = file.rename(tmp_path / "moved.safetensors")
    settings.write_text(settings.read_text().replace(str(file), str(moved)))
    assert run(made, "export").out.startswith("up to date")


def test_a_file_that_nothing_can_be_trained_on_is_named_before_any_work(tmp_path: Path) -> None:
    tensors = {
        name: tensor for name, tensor in original.tensors().items() if "ff.net.0.proj.bias" not in name
    }
    file = original.write(tmp_path / "ltx-2.5.safetensors", tensors)
    made = make_demo(tmp_path / "mira")
    edit(made / "lora.toml", 'base = "tiny"', f'base = "{file}"')
    edit(made / "lora.toml", f'base = "{file}"', f'base = "{file}"\n\n[lint]\nignore = ["ALL"]')
    (tmp_path / "text_encoder").symlink_to(original.TINY / "text_encoder")
    done = run(made)
    assert done.code == 2
    assert "error[B204]: `ltx-2.5.safetensors` is LTX-2.5" in done.err
    assert "Traceback" not in done.err
