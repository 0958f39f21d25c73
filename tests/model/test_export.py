"""The exported file: what it says, that it does what was trained, and what is never given away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ltxbuild.job import StageError, read_json
from ltxbuild.model import lora_file, tensor_file
from ltxbuild.model.lora import Spec, attached
from ltxbuild.stages import export
from tests.fake_job import FakeJob, as_file
from tests.model.parts import install, make_transformer
from tests.model.test_flow import random

SPEC = Spec(4, 11.3137085, "attention+ff")


def adapter_file(path: Path, change: dict[str, float] | None = None) -> Any:
    with attached(make_transformer(), SPEC) as adapter:
        adapter.start(1)
        tensors = adapter.tensors()
    for index, name in enumerate(sorted(tensors)):
        if "lora_B" in name:
            tensors[name] = random(*tensors[name].shape, seed=index) * 0.02
    for name, value in (change or {}).items():
        tensors[name].fill_(value)
    tensor_file.save(path, tensors, {**SPEC.metadata(), "step": "8"})
    return as_file(path)


def run(root: Path, adapter: Any, **params: Any) -> FakeJob:
    metadata = {"trigger": "mira_char", "class": "woman", "training": "abc"}
    job = FakeJob(
        root,
        {"name": "mira", "metadata": metadata, "precision": "fp32", **params},
        {"adapter": adapter, "transformer": None},
        {"base": "/base", "device": "cpu"},
    )
    export.run(job)
    return job


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, transformer=make_transformer())


def test_a_file_that_everyone_reads(tmp_path: Path) -> None:
    job = run(tmp_path / "a", adapter_file(tmp_path / "adapter"))
    tensors = load_file(job.out / "lora.safetensors")
    assert len(tensors) == 40 and all(
        name.startswith("diffusion_model.transformer_blocks.") for name in tensors
    )
    assert not any("alpha" in name for name in tensors)
    trained, _ = tensor_file.load(tmp_path / "adapter")
    b = "transformer_blocks.0.attn1.to_q.lora_B.weight"
    assert torch.allclose(tensors["diffusion_model." + b], trained[b] * SPEC.alpha / 4, rtol=1e-6)
    report = read_json(job.out / "export.json")
    assert report["tensors"] == 40 and report["max_difference"] <= report["tolerance"] < 1e-1
    assert report["max_difference"] < 1e-5
    assert report["parameters"] == sum(t.numel() for t in tensors.values())
    metadata = tensor_file.load(job.out / "lora.safetensors")[1]
    assert metadata["ss_network_alpha"] == metadata["ss_network_dim"] == "4"
    assert metadata["ltxbuild.trigger"] == "mira_char" and metadata["modelspec.title"] == "mira"
    assert "lora_adapter_metadata" not in metadata


def test_bytes_are_the_same_each_time_and_the_header_is_sorted(tmp_path: Path) -> None:
    one = run(tmp_path / "a", adapter_file(tmp_path / "adapter")).out / "lora.safetensors"
    other = run(tmp_path / "b", adapter_file(tmp_path / "adapter")).out / "lora.safetensors"
    assert one.read_bytes() == other.read_bytes()
    data = one.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert list(header) == sorted(header) and list(header["__metadata__"]) == sorted(header["__metadata__"])


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_smaller_formats_round_trip(tmp_path: Path, dtype: str) -> None:
    job = run(tmp_path / "a", adapter_file(tmp_path / "adapter"), dtype=dtype)
    assert {str(t.dtype) for t in load_file(job.out / "lora.safetensors").values()} <= {
        "torch.bfloat16",
        "torch.float16",
    }


def test_a_forgotten_alpha_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = lora_file.baked
    monkeypatch.setattr(
        lora_file, "baked", lambda t, spec, dtype: right(t, Spec(4, 4.0, spec.targets), dtype)
    )
    with pytest.raises(StageError, match="differ"):
        run(tmp_path / "a", adapter_file(tmp_path / "adapter"))


def test_foreign_names_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lora_file, "PREFIX", "")
    with pytest.raises((StageError, ValueError)):
        run(tmp_path / "a", adapter_file(tmp_path / "adapter"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("transformer_blocks.0.attn1.to_q.lora_B.weight", 0.0, "all zero"),
        ("transformer_blocks.1.ff.net.2.lora_A.weight", float("nan"), "not finite"),
    ],
)
def test_broken_adapters_are_refused(tmp_path: Path, name: str, value: float, message: str) -> None:
    with pytest.raises(StageError, match=message):
        run(tmp_path / "a", adapter_file(tmp_path / "adapter", {name: value}))


def test_a_missing_tensor_is_refused() -> None:
    with pytest.raises(StageError, match="39 tensors"):
        lora_file.check_tensors(dict.fromkeys(map(str, range(39)), torch.ones(1)), 40)


def test_the_base_is_clean_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transformer = make_transformer()
    install(monkeypatch, transformer=transformer)
    run(tmp_path / "a", adapter_file(tmp_path / "adapter"))
    assert not any("lora" in name for name, _ in transformer.named_parameters())
    run(tmp_path / "b", adapter_file(tmp_path / "adapter"))
