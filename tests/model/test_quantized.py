"""Layers in 8 and 4 bits: how near they are, that gradients pass through them, that no 16-bit copy is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ltxbuild.model import tensor_file
from ltxbuild.model.flow import Size, pack, velocity
from ltxbuild.model.lora import Spec, attached
from ltxbuild.model.lora_file import baked, from_file, in_memory
from ltxbuild.model.quantized import FORMATS, NF4, QuantizedLinear, fold, fold_layers, unfold
from ltxbuild.model.stored import stored_tensors
from ltxbuild.model.swapping import Swap, spread
from ltxbuild.model.text import encode_text
from ltxbuild.model.weights import build
from tests.model.parts import CHANNELS, LENGTH, WIDTH, make_text, make_transformer

# Of the root mean square, for normally distributed weights: a little above what each was measured at.
ERRORS = {"int8": 0.015, "fp8": 0.035, "nf4": 0.10}
SIZE = Size(3, 2, 2)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer_of(weight: torch.Tensor, form: str, bias: torch.Tensor | None = None) -> QuantizedLinear:
    made = QuantizedLinear(weight.shape[1], weight.shape[0], bias is not None, form)
    made.take(weight)
    if bias is not None:
        made.bias = torch.nn.Parameter(bias, requires_grad=False)
    return made


@pytest.mark.parametrize("form", FORMATS)
def test_a_weight_comes_back_nearly(form: str) -> None:
    weight = normal(48, 192)
    back = unfold(*fold(weight, form), torch.float32)
    error = float((back - weight).square().mean().sqrt() / weight.square().mean().sqrt())
    assert ERRORS[form] / 3 < error < ERRORS[form]


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_folded_once_folds_to_the_same(form: str) -> None:
    numbers, scale = fold(normal(8, 96), form)
    again, scale_again = fold(unfold(numbers, scale, torch.float32), form)
    assert torch.equal(numbers.view(torch.uint8), again.view(torch.uint8))
    assert torch.allclose(scale, scale_again, rtol=1e-6)


@pytest.mark.parametrize("form", FORMATS)
def test_rows_of_zeros_stay_zero(form: str) -> None:
    assert not unfold(*fold(torch.zeros(3, 64), form), torch.float32).any()


@pytest.mark.parametrize("columns", [64, 96, 2, 192])
def test_four_bits_take_any_even_number_of_columns(columns: int) -> None:
    numbers, scale = fold(normal(4, columns), "nf4")
    assert numbers.dtype == torch.uint8 and numbers.shape == (4, columns // 2)
    levels = torch.tensor(NF4)
    unit = unfold(numbers, torch.ones_like(scale), torch.float32)
    assert torch.isin(unit, levels).all()


@pytest.mark.parametrize("form", FORMATS)
def test_a_layer_is_the_linear_one_of_its_weight(form: str) -> None:
    bias, x = normal(48, seed=1), normal(5, 192, seed=2).requires_grad_()
    layer = layer_of(normal(48, 192), form, bias)
    dense = unfold(layer.weight, layer.scale, torch.float32)
    made, wanted = layer(x), torch.nn.functional.linear(x, dense, bias)
    assert torch.equal(made, wanted)
    (ours,) = torch.autograd.grad(made.square().sum(), x, retain_graph=True)
    (theirs,) = torch.autograd.grad(wanted.square().sum(), x)
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("form", FORMATS)
def test_the_backward_pass_keeps_the_folded_weight_alone(form: str) -> None:
    layer, kept = layer_of(normal(128, 256), form), []
    x = normal(2, 256).to(torch.bfloat16).requires_grad_()

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        layer(x)
    dense = 2 * 128 * 256
    assert sum(t.nbytes for t in kept) < dense * 0.1


@pytest.mark.parametrize("form", FORMATS)
def test_a_transformer_is_read_into_folded_layers(form: str, tmp_path: Path) -> None:
    plain = make_transformer()
    read = folded(form, 0, tmp_path)
    layers = {n: m for n, m in read.named_modules() if isinstance(m, QuantizedLinear)}
    assert len(layers) == sum(
        type(m) is torch.nn.Linear and n.startswith("transformer_blocks.") for n, m in plain.named_modules()
    )
    assert type(read.proj_in) is torch.nn.Linear
    x, text, sigma = normal(1, CHANNELS, 3, 2, 2), normal(1, LENGTH, WIDTH), torch.tensor([0.7])
    one, other = (velocity(m, pack(x), sigma, text, SIZE, 24.0) for m in (plain, read))
    assert 0 < float((one - other).abs().max()) < 5 * ERRORS[form] * float(one.abs().max())


def folded(form: str, swap: int, folder: Path, **changes: Any) -> Any:
    """A random transformer, saved and read into folded layers."""
    plain = make_transformer(**changes)
    plain.save_pretrained(folder)
    config = dict(plain.config)
    return build(type(plain), config, stored_tensors(folder), torch.float32, "cpu", quantize=form, swap=swap)


def trained(
    transformer: Any, steps: int, checkpointing: bool = True
) -> tuple[list[float], dict[str, Tensor]]:
    """Losses and adapter of a few steps towards nothing."""
    x, text, sigma = pack(normal(1, CHANNELS, 3, 2, 2)), normal(1, LENGTH, WIDTH), torch.tensor([0.7])
    if checkpointing:
        transformer.train()
        transformer.enable_gradient_checkpointing()
    with attached(transformer, Spec(4, 8.0, "attention+ff")) as adapter:
        adapter.start(0)
        parameters = list(adapter.parameters().values())
        assert all(p.dtype == torch.float32 for p in parameters)
        optimizer = torch.optim.AdamW(parameters, 1e-2)
        losses = []
        for _ in range(steps):
            loss = velocity(transformer, x, sigma, text, SIZE, 24.0).square().mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses, adapter.tensors()


@pytest.mark.parametrize("form", FORMATS)
def test_an_adapter_learns_on_folded_layers(form: str, tmp_path: Path) -> None:
    losses, _ = trained(folded(form, 0, tmp_path), 20)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("count", "blocks", "wanted"), [(0, 4, []), (2, 4, [1, 3]), (3, 4, [1, 2, 3]), (4, 4, [0, 1, 2, 3])]
)
def test_swapped_blocks_lie_apart(count: int, blocks: int, wanted: list[int]) -> None:
    assert spread(count, blocks) == wanted


@pytest.mark.parametrize(
    ("form", "swap", "checkpointing"),
    [("", 2, True), ("int8", 2, True), ("int8", 2, False), ("nf4", 9, True), ("int8", 9, False)],
)
def test_swapped_blocks_train_the_same_bytes(
    form: str, swap: int, checkpointing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    enter = Swap.enter

    def watched(self: Swap, index: int) -> None:
        enter(self, index)
        held.append(len(self.visits))

    monkeypatch.setattr(Swap, "enter", watched)
    plain = trained(folded(form, 0, tmp_path / "plain", num_layers=5), 2, checkpointing)
    assert not held
    swapped = trained(folded(form, swap, tmp_path / "swapped", num_layers=5), 2, checkpointing)
    assert held and max(held) <= 2, "more than two blocks were on the device at once"
    assert plain[0] == swapped[0]
    assert all(torch.equal(tensor, swapped[1][name]) for name, tensor in plain[1].items())


def test_blocks_are_sent_for_before_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missed: list[int] = []
    enter = Swap.enter

    def watched(self: Swap, index: int) -> None:
        if index not in self.visits:
            missed.append(index)
        enter(self, index)

    monkeypatch.setattr(Swap, "enter", watched)
    trained(folded("int8", 5, tmp_path, num_layers=5), 2)
    assert missed == [0], "only the very first block has to be waited for"


@pytest.mark.parametrize("form", ["int8", "nf4"])
def test_text_features_through_folded_layers(form: str) -> None:
    tokenizer, encoder, connectors = make_text()
    plain = encode_text(tokenizer, encoder, connectors, "mira_char walks", LENGTH)
    linear = {name for name, module in encoder.named_modules() if type(module) is torch.nn.Linear}
    fold_layers(encoder, form, "cpu")
    fold_layers(connectors, form, "cpu")
    left = {name for name, module in encoder.named_modules() if type(module) is torch.nn.Linear}
    assert "lm_head" in left and len(left) < len(linear) / 4, "the head shares its weight with the embeddings"
    found = encode_text(tokenizer, encoder, connectors, "mira_char walks", LENGTH)
    difference = float((found.video - plain.video).abs().max())
    assert 0 < difference < 5 * ERRORS[form] * float(plain.video.abs().max())


def test_a_swapped_base_exports_what_it_trained(tmp_path: Path) -> None:
    transformer, spec = folded("int8", 2, tmp_path / "base"), Spec(4, 8.0, "attention+ff")
    with attached(transformer, spec) as adapter:
        adapter.start(0)
        for name, parameter in adapter.parameters().items():
            if ".lora_B." in name:
                torch.nn.init.normal_(parameter, std=0.1)
        tensors = adapter.tensors()
    plain, expected, count = in_memory(transformer, tensors, spec)
    tensor_file.save(tmp_path / "lora.safetensors", baked(tensors, spec, torch.float32))
    loaded, found = from_file(transformer, tmp_path / "lora.safetensors")
    assert found == count and float((loaded - expected).abs().max()) < 1e-5
    assert float((plain - expected).abs().max()) > 1e-3
