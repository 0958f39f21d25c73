"""The layer with a LoRA beside it: peft's results and gradients, in fewer bytes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model

from ltxbuild.model.lora_layer import LoraLinear
from ltxbuild.model.quantized import FORMATS, QuantizedLinear

IN, OUT, RANK, SCALE = 96, 64, 4, 2.5


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def linear(dtype: torch.dtype = torch.float32) -> torch.nn.Linear:
    layer = torch.nn.Linear(IN, OUT)
    layer.weight.data, layer.bias.data = normal(OUT, IN, seed=1) / IN**0.5, normal(OUT, seed=2)
    return layer.to(dtype).requires_grad_(False)


def with_lora(base: torch.nn.Linear) -> LoraLinear:
    layer = LoraLinear(base, RANK, SCALE, torch.device("cpu"))
    layer.a.data, layer.b.data = normal(RANK, IN, seed=3) / IN**0.5, normal(OUT, RANK, seed=4)
    return layer


def ours(base: torch.nn.Linear, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    layer, x = with_lora(base), x.clone().requires_grad_()
    y = layer(x)
    return y.detach(), list(torch.autograd.grad(y.square().sum(), [x, layer.a, layer.b]))


def by_peft(base: torch.nn.Linear, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    model: Any = torch.nn.Sequential(base)
    config = LoraConfig(r=RANK, lora_alpha=SCALE * RANK, target_modules=["0"])
    model = inject_adapter_in_model(config, model)
    a, b = model[0].lora_A["default"].weight, model[0].lora_B["default"].weight
    a.data, b.data = normal(RANK, IN, seed=3) / IN**0.5, normal(OUT, RANK, seed=4)
    x = x.clone().requires_grad_()
    y = model(x)
    return y.detach(), list(torch.autograd.grad(y.square().sum(), [x, a, b]))


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.double() - other.double()).norm() / other.double().norm())


def test_results_and_gradients_are_those_of_peft() -> None:
    x = normal(2, 7, IN)
    (y, gradients), (wanted, theirs) = ours(linear(), x), by_peft(linear(), x)
    assert apart(y, wanted) < 1e-6
    assert [apart(g, t) for g, t in zip(gradients, theirs, strict=True)] == pytest.approx([0] * 3, abs=1e-6)


def test_in_bf16_the_weights_stay_fp32_and_errors_are_those_of_its_rounding() -> None:
    x, rounding = normal(2, 7, IN), 2.0**-8
    y, gradients = ours(linear(torch.bfloat16), x.to(torch.bfloat16))
    exact, wanted = ours(linear(torch.bfloat16).float(), x.to(torch.bfloat16).float())
    assert y.dtype == torch.bfloat16 and [g.dtype for g in gradients[1:]] == [torch.float32] * 2
    assert 0 < apart(y, exact) < rounding
    assert all(0 < apart(g, w) < 2 * rounding for g, w in zip(gradients, wanted, strict=True))


@pytest.mark.parametrize("form", FORMATS)
def test_a_folded_layer_takes_one_as_its_unfolded_weight_does(form: str) -> None:
    base, plain = QuantizedLinear(IN, OUT, True, form), linear()
    base.take(plain.weight)
    base.bias = plain.bias
    x, plain.weight.data = normal(3, IN), base.dense(torch.float32)
    (y, gradients), (wanted, theirs) = ours(base, x), ours(plain, x)
    assert torch.equal(y, wanted) and all(map(torch.equal, gradients, theirs))


@pytest.mark.parametrize("form", ["plain", *FORMATS])
def test_the_backward_pass_keeps_the_input_and_hardly_more(form: str) -> None:
    base: torch.nn.Linear = linear(torch.bfloat16)
    if form != "plain":
        folded = QuantizedLinear(IN, OUT, False, form)
        folded.take(base.weight)
        base = folded
    layer, kept, tokens = with_lora(base), [], 500
    x = normal(tokens, IN).to(torch.bfloat16).requires_grad_()

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        layer(x)
    own = {layer.a.data_ptr(), layer.b.data_ptr()}
    assert sum(t.nbytes for t in kept if t.data_ptr() not in own) == x.nbytes + tokens * RANK * 2


def test_without_weight_it_is_the_base_bit_for_bit() -> None:
    layer, x = with_lora(linear()), normal(5, IN)
    layer.weight = 0.0
    assert torch.equal(layer(x), layer.base(x))
    layer.weight = 0.5
    half = layer(x) - layer.base(x)
    layer.weight = 1.0
    assert torch.allclose(layer(x) - layer.base(x), 2 * half, atol=1e-5)
