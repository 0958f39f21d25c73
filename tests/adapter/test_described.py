"""LoRA files of every tool are recognised, their scales found, and what is none is told with its reason."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.adapter.described import Description, describe
from ltxbuild.adapter.header import NotSafetensors, read_header
from ltxbuild.adapter.keys import MODULES as KNOWN
from ltxbuild.adapter.keys import Key, of_audio, parse, spelt
from tests.adapter.files import MODULES, lora, write


def described(path: Path) -> Description:
    return describe(read_header(path))


@pytest.mark.parametrize("form", ["comfyui", "diffusers", "peft", "kohya"])
@pytest.mark.parametrize("inner", KNOWN)
def test_every_layer_is_known_in_every_form(form: str, inner: str) -> None:
    module = f"transformer_blocks.47.{inner}"
    for part in ("A", "B"):
        assert parse(spelt(form, module, part)) == Key(form, module, part)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("model.diffusion_model.transformer_blocks.1.attn1.to_q.lora_A.weight", "comfyui"),
        ("transformer_blocks.1.attn1.to_q.lora_A.weight", "bare"),
        ("base_model.model.transformer_blocks.1.attn1.to_q.lora_A.default.weight", "peft"),
        ("diffusion_model.transformer_blocks.1.attn1.to_q.lora_down.weight", "comfyui"),
        ("transformer.transformer_blocks.1.attn1.to_q.lora.down.weight", "diffusers"),
        ("lora_transformer_transformer_blocks_1_attn1_to_q.lora_down.weight", "kohya"),
    ],
)
def test_rarer_spellings(name: str, form: str) -> None:
    assert parse(name) == Key(form, "transformer_blocks.1.attn1.to_q", "A")


@pytest.mark.parametrize(
    "name",
    [
        "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight",
        "double_blocks.0.img_attn.qkv.lora_A.weight",
        "transformer_blocks.0.attn1.to_q.weight",
        "transformer_blocks.x.attn1.to_q.lora_A.weight",
        "diffusion_model.transformer_blocks.0.attn9.to_q.lora_A.weight",
    ],
)
def test_keys_of_other_models_are_none(name: str) -> None:
    assert parse(name) is None


def test_layers_of_sound_are_told_apart() -> None:
    assert of_audio("transformer_blocks.0.audio_attn1.to_q") and of_audio(
        "transformer_blocks.0.video_to_audio_attn.to_q"
    )
    assert not of_audio("transformer_blocks.0.attn1.to_q")


def test_a_baked_file_has_scale_one(tmp_path: Path) -> None:
    found = described(write(tmp_path / "a.safetensors", lora()))
    assert (found.form, found.scaled, found.ranks, found.targets) == (
        "comfyui",
        "baked in",
        [4],
        "attention+ff",
    )
    assert not found.problems and {layer.scale for layer in found.layers.values()} == {1.0}
    assert list(found.layers) == list(MODULES)


def test_alpha_keys_scale_by_alpha_over_rank(tmp_path: Path) -> None:
    found = described(write(tmp_path / "a.safetensors", lora("kohya", rank=8, alpha=4.0)))
    assert (found.form, found.scaled) == ("kohya", "alpha keys")
    assert {layer.scale for layer in found.layers.values()} == {0.5}


@pytest.mark.parametrize(("stabilised", "scale"), [(False, 2.0), (True, 4.0)])
def test_what_diffusers_saves_of_its_configuration_counts(
    stabilised: bool, scale: float, tmp_path: Path
) -> None:
    saved = {"transformer.r": 4, "transformer.lora_alpha": 8, "transformer.use_rslora": stabilised}
    file = write(tmp_path / "a", lora("diffusers"), {"lora_adapter_metadata": json.dumps(saved)})
    found = described(file)
    assert found.scaled == "metadata of diffusers"
    assert {layer.scale for layer in found.layers.values()} == {scale}


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"transformer_blocks.0.attn1.to_q.dora_scale": (5,)}, "DoRA"),
        ({"lora_unet_transformer_blocks_0_attn1_to_q.lokr_w1": (2, 2)}, "LoKr"),
        ({"lora_unet_transformer_blocks_0_attn1_to_q.hada_w1_a": (2, 2)}, "LoHa"),
        ({"diffusion_model.transformer_blocks.0.attn1.to_k.lora_A.weight": (4, 6)}, "only one half"),
        (
            {
                "diffusion_model.transformer_blocks.0.attn1.to_k.lora_A.weight": (4, 6),
                "diffusion_model.transformer_blocks.0.attn1.to_k.lora_B.weight": (5, 3),
            },
            "do not fit together",
        ),
        ({"diffusion_model.transformer_blocks.0.attn1.to_q.alpha": (2,)}, "no number"),
    ],
)
def test_what_is_no_plain_lora_is_said(more: dict[str, tuple[int, ...]], word: str, tmp_path: Path) -> None:
    arrays = {**lora(), **{name: np.ones(shape, np.float32) for name, shape in more.items()}}
    problems = described(write(tmp_path / "a", arrays)).problems
    assert len(problems) == 1 and word in problems[0]


def test_a_lora_of_another_model_is_none(tmp_path: Path) -> None:
    names = ["double_blocks.0.img_attn.qkv.lora_A.weight", "double_blocks.0.img_attn.qkv.lora_B.weight"]
    found = described(write(tmp_path / "a", {name: np.ones((2, 2), np.float32) for name in names}))
    assert "another model" in found.problems[0] and found.unknown == tuple(names)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a pickle in a zip",
        struct.pack("<Q", 10**12) + b"{}",
        struct.pack("<Q", 4) + b"[[[[",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 12) + b'{"a":{"b":1}}'[:12],
        struct.pack("<Q", 60) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}     ',
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ],
)
def test_what_is_no_safetensors_is_said(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(NotSafetensors):
        read_header(tmp_path / "a")


@given(st.binary(max_size=300))
def test_no_bytes_make_it_stumble(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(struct.pack("<Q", len(data)) + data)
        try:
            describe(read_header(path))
        except NotSafetensors:
            return


@pytest.mark.parametrize(
    ("dtype", "data"), [("F64", "<d"), ("F32", "<f"), ("F16", "<e"), ("I64", "<q"), ("I32", "<i")]
)
def test_a_number_is_read_in_each_format(dtype: str, data: str, tmp_path: Path) -> None:
    raw = struct.pack(data, 3)
    text = json.dumps({"n": {"dtype": dtype, "shape": [], "data_offsets": [0, len(raw)]}}).encode()
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(text)) + text + raw)
    assert read_header(tmp_path / "a").number("n") == 3


def test_a_number_in_bf16(tmp_path: Path) -> None:
    text = json.dumps({"n": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(text)) + text + b"\x80\x3f")
    assert read_header(tmp_path / "a").number("n") == 1


def test_metadata_that_is_no_text_is_refused(tmp_path: Path) -> None:
    text: Any = json.dumps({"__metadata__": {"a": 1}}).encode()
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(NotSafetensors, match="no strings"):
        read_header(tmp_path / "a")
