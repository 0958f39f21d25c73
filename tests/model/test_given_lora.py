"""Training starts from a LoRA of any tool: the adapter then does what the file does, whatever scales it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ltxbuild.adapter.keys import spelt
from ltxbuild.job import StageError
from ltxbuild.model.flow import pack, velocity
from ltxbuild.model.given_lora import read_halves, start_from
from ltxbuild.model.lora import Adapter, Spec, attached
from ltxbuild.stages import train
from tests.adapter.files import write
from tests.fake_job import FakeJob, as_file
from tests.model.parts import CHANNELS, LENGTH, WIDTH, make_transformer
from tests.model.test_quantized import SIZE, normal
from tests.model.test_train import PARAMS, material

__all__ = ["material"]
SPEC = Spec(4, 11.3137085, "attention+ff")


def answer(transformer: Any) -> torch.Tensor:
    x, text = pack(normal(1, CHANNELS, 3, 2, 2)), normal(1, LENGTH, WIDTH)
    with torch.no_grad():
        return velocity(transformer, x, torch.tensor([0.7]), text, SIZE, 24.0)


def random_adapter(adapter: Adapter) -> dict[str, torch.Tensor]:
    """With an effect: B is not zero."""
    adapter.start(3)
    for name, parameter in adapter.parameters().items():
        if ".lora_B." in name:
            parameter.data = normal(*parameter.shape, seed=len(name)) * 0.1
    return adapter.tensors()


def as_form(form: str, tensors: dict[str, torch.Tensor], alpha: float | None) -> dict[str, Any]:
    """The tensors under a form's names; B baked, or an alpha key beside each layer."""
    found: dict[str, Any] = {}
    for name, tensor in tensors.items():
        module, _, half = name.removesuffix(".weight").rpartition(".lora_")
        baked = SPEC.scale if half == "B" and alpha is None else 1.0
        found[spelt(form, module, half)] = (tensor * baked).numpy()
        if alpha is not None:
            found[spelt(form, module, "A").rpartition(".lora_")[0] + ".alpha"] = np.array(alpha, np.float32)
    return found


@pytest.mark.parametrize(
    ("form", "alpha"), [("comfyui", None), ("diffusers", None), ("peft", None), ("kohya", SPEC.alpha)]
)
@pytest.mark.parametrize("own", [SPEC, Spec(4, 4.0, "attention+ff"), Spec(4, 5.6568, "attention+ff", True)])
def test_the_adapter_does_what_the_file_does(
    form: str, alpha: float | None, own: Spec, tmp_path: Path
) -> None:
    transformer = make_transformer()
    with attached(transformer, SPEC) as adapter:
        tensors = random_adapter(adapter)
        with adapter.off():
            plain = answer(transformer)
        wanted = answer(transformer)
    file = write(tmp_path / "a.safetensors", as_form(form, tensors, alpha))
    with attached(transformer, own) as adapter:
        adapter.start(0)
        assert start_from(adapter, own, file) == []
        found = answer(transformer)
    assert float((wanted - plain).abs().max()) > 1e-2
    assert float((found - wanted).abs().max()) < 1e-5


def test_layers_that_the_file_has_not_begin_anew(tmp_path: Path) -> None:
    transformer = make_transformer()
    with attached(transformer, SPEC) as adapter:
        tensors = random_adapter(adapter)
        kept = {name: t for name, t in tensors.items() if ".attn1." in name}
        file = write(tmp_path / "a", as_form("comfyui", kept, None))
        adapter.start(0)
        fresh = adapter.tensors()
        start_from(adapter, SPEC, file)
        now = adapter.tensors()
    for name in tensors:
        same = torch.allclose(now[name], tensors[name], atol=1e-6)
        assert same if name in kept else torch.equal(now[name], fresh[name])


def test_layers_of_sound_are_left_out_and_named(tmp_path: Path) -> None:
    with attached(make_transformer(), SPEC) as adapter:
        tensors = random_adapter(adapter)
        sound = "transformer_blocks.0.audio_attn1.to_q"
        more = {f"{sound}.lora_A.weight": torch.ones(4, 16), f"{sound}.lora_B.weight": torch.ones(16, 4)}
        file = write(tmp_path / "a", as_form("comfyui", {**tensors, **more}, None))
        assert start_from(adapter, SPEC, file) == [sound]


def test_another_rank_does_not_fit(tmp_path: Path) -> None:
    with attached(make_transformer(), SPEC) as adapter:
        file = write(tmp_path / "a", as_form("comfyui", random_adapter(adapter), None))
    other = Spec(8, 16.0, "attention+ff")
    with attached(make_transformer(), other) as adapter, pytest.raises(StageError, match="another shape"):
        start_from(adapter, other, file)


def test_what_is_no_lora_is_no_start(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no")
    with pytest.raises(StageError, match="is no LoRA"):
        read_halves(tmp_path / "a")


def test_training_goes_on_from_the_file(tmp_path: Path, material: dict[str, Any]) -> None:
    first = FakeJob(tmp_path / "first", {**PARAMS, "last": 6}, material["inputs"], material["context"])
    train.run(first)
    from ltxbuild.model import tensor_file

    learnt, _ = tensor_file.load(first.out / "adapter.safetensors")
    file = as_file(write(tmp_path / "a", as_form("kohya", learnt, SPEC.alpha)))
    inputs = {**material["inputs"], "start": file}
    still = {**PARAMS, "last": 1, "learning_rate": 1e-30, "weight_decay": 0.0}
    second = FakeJob(tmp_path / "second", still, inputs, material["context"])
    train.run(second)
    found, _ = tensor_file.load(second.out / "adapter.safetensors")
    assert all(torch.allclose(found[name], tensor, atol=1e-6) for name, tensor in learnt.items())
