"""`inspect` and `convert` on files of every tool, and on files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ltxbuild.cli import main
from ltxbuild.commands.convert import FORMS
from tests.adapter.files import MODULES, lora, write

SOUND = "transformer_blocks.0.audio_attn1.to_q"


def inspected(path: Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(["inspect", str(path)]) == code
    return capsys.readouterr().out


def test_a_file_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "mira.safetensors", lora(), {"ltxbuild.trigger": "mira\x1b[2Jchar"})
    told = inspected(file, capsys)
    assert "6 tensors in F32" in told and "3 in 2 blocks: attn1, attn2, ff" in told
    assert "comfyui: ComfyUI, diffusers" in told and "1 (baked in)" in told
    assert "mira?[2Jchar" in told and "\x1b" not in told


def test_a_file_without_an_effect_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = {name: a if ".lora_A." in name else np.zeros_like(a) for name, a in lora().items()}
    assert "3 of 3 layers have no effect" in inspected(write(tmp_path / "a", arrays), capsys, code=1)


def test_what_other_tools_stumble_over_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = inspected(write(tmp_path / "a", lora(alpha=2.0)), capsys)
    assert "diffusers refuses alpha keys" in told and "0.5 (alpha keys)" in told
    assert "diffusers loads nothing" in inspected(write(tmp_path / "b", lora("kohya", alpha=4.0)), capsys)
    more = {**lora(modules=(*MODULES, SOUND)), "text_encoder.x": np.ones((2, 2), np.float32)}
    told = inspected(write(tmp_path / "c", more), capsys)
    assert "1 layers work on sound" in told and "1 tensors belong to no layer" in told


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "a", lora("kohya", rank=2, alpha=4.0))
    assert main(["inspect", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["v"] == 1 and found["ranks"] == [2] and found["targets"] == "attention+ff"
    assert found["layers"][MODULES[0]] == {"rank": 2, "scale": 2.0}


def test_what_is_no_lora_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pt").write_bytes(b"PK\x03\x04")
    assert main(["inspect", str(tmp_path / "a.pt")]) == 2
    assert main(["inspect", str(tmp_path / "nothing")]) == 2
    assert main(["convert", str(tmp_path / "a.pt"), str(tmp_path / "b")]) == 2
    assert capsys.readouterr().err.count("B150") == 3
    other = write(tmp_path / "flux", {"double_blocks.0.img.lora_A.weight": np.ones((2, 2), np.float32)})
    assert "another model" in inspected(other, capsys, code=1)
    assert main(["convert", str(other), str(tmp_path / "b")]) == 2
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("form", FORMS)
def test_a_file_has_the_same_effect_in_every_form(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(
        tmp_path / "a", lora("kohya", rank=4, alpha=2.0), {"trigger": "x", "ss_network_alpha": "2"}
    )
    there, back = tmp_path / "there", tmp_path / "back"
    assert main(["convert", str(source), str(there), "--to", form]) == 0
    assert "largest difference is 0 of" in capsys.readouterr().out
    assert main(["convert", str(there), str(back), "--to", "comfyui"]) == 0
    first, last = load_file(source), load_file(back)
    for module in MODULES:
        flat = "lora_unet_" + module.replace(".", "_")
        wanted = first[f"{flat}.lora_up.weight"] @ first[f"{flat}.lora_down.weight"] * 0.5
        stem = f"diffusion_model.{module}"
        found = last[f"{stem}.lora_B.weight"] @ last[f"{stem}.lora_A.weight"]
        assert torch.allclose(found, wanted, atol=1e-6)
    assert len(last) == 2 * len(MODULES), "no alpha key beside baked weights"


def test_precision_may_change_and_a_file_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write(tmp_path / "a", lora()), tmp_path / "out"
    assert main(["convert", str(source), str(out), "--precision", "bf16"]) == 0
    assert {t.dtype for t in load_file(out).values()} == {torch.bfloat16}
    before = out.read_bytes()
    assert main(["convert", str(source), str(out)]) == 2
    assert main(["convert", str(source), str(tmp_path / "no" / "out")]) == 2
    assert capsys.readouterr().err.count("B151") == 2
    assert out.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["a", "out"]
