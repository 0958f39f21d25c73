"""Every family loads through its real class from a folder with random weights, and says the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PIL")

from safetensors.torch import load_file, save_file

from ltxbuild.job import StageError
from ltxbuild.model.asked_files import find_files
from ltxbuild.model.captioner import Captioner, open_captioner
from ltxbuild.model.captioner_families import CAPTIONERS, FAMILIES
from ltxbuild.problem import ProjectError
from tests.caption.models import save

PROMPT = "a woman walks in the park"
TOKENS = 160
FRAMES = np.random.default_rng(1).integers(0, 255, (8, 54, 96, 3), np.uint8)


def spied(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the model is given by the next call."""
    seen: dict[str, Any] = {}
    generate = captioner.model.generate

    def spy(**given: Any) -> Any:
        seen.update(given)
        return generate(**{**given, "max_new_tokens": 8})

    monkeypatch.setattr(captioner.model, "generate", spy)
    return seen


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_a_family_sees_all_its_frames_and_repeats_itself(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = find_files(str(save(kind, tmp_path)), CAPTIONERS)
    captioner = open_captioner(folder, "cpu")
    assert captioner.model.config.model_type == kind
    assert {p.dtype for p in captioner.model.parameters()} == {captioner.model.dtype}
    family = FAMILIES[kind]
    seen = spied(captioner, monkeypatch)
    answer = captioner.describe(FRAMES[: family.frames], PROMPT, TOKENS)
    assert answer == captioner.describe(FRAMES[: family.frames], PROMPT, TOKENS)
    assert "<" not in answer
    assert (seen["do_sample"], seen["num_beams"], seen["max_new_tokens"]) == (
        False,
        family.beams,
        TOKENS,
    )
    if family.given == "video":
        assert seen["pixel_values_videos"].shape == (1, 8, 3, 56, 56)
    elif family.given == "pictures":
        assert len(seen["image_grid_thw"]) == 8
    else:
        assert seen["pixel_values"].shape == (1, 3, 64, 64)
    words = captioner.processor.tokenizer.decode(seen["input_ids"][0])
    assert (PROMPT in words) != bool(family.task)


def test_a_clip_of_one_frame_is_one_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captioner = open_captioner(save("qwen2_vl", tmp_path), "cpu")
    seen = spied(captioner, monkeypatch)
    captioner.describe(FRAMES[:1], PROMPT, TOKENS)
    assert len(seen["image_grid_thw"]) == 1


def test_weights_that_do_not_fit_are_refused_rather_than_drawn(tmp_path: Path) -> None:
    folder = save("florence2", tmp_path)
    weights = load_file(folder / "model.safetensors")
    gone = next(name for name in weights if "encoder.layers.0.fc1.weight" in name)
    save_file({n: w for n, w in weights.items() if n != gone}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(StageError, match="1 weights of the captioner are missing"):
        open_captioner(folder, "cpu")


def test_no_code_of_a_repository_is_run(tmp_path: Path) -> None:
    folder = save("florence2", tmp_path)
    trap = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\nclass Model: pass\nclass Config: pass\n"
    (folder / "trap.py").write_text(trap)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "trap.Config", "AutoModelForImageTextToText": "trap.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    assert open_captioner(folder, "cpu").describe(FRAMES[:1], PROMPT, TOKENS)
    assert not (folder / "ran").exists()


def test_pickled_weights_and_unknown_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "qwen2_vl"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ProjectError, match="no weights in safetensors"):
        find_files(str(tmp_path), CAPTIONERS)
    (tmp_path / "config.json").write_text('{"model_type": "blip"}')
    with pytest.raises(ProjectError, match="of the kind blip"):
        find_files(str(tmp_path), CAPTIONERS)
    with pytest.raises(ProjectError, match="not on this machine and the Hub cannot be reached"):
        find_files("nobody/nothing", CAPTIONERS)
    with pytest.raises(ProjectError, match="no folder and no Hub id"):
        find_files("nothing", CAPTIONERS)
