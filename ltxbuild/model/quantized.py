"""Linear layers whose frozen weight is kept in 8 or 4 bits, or elsewhere. Knows no model and no training.

The weight is unfolded where it is used, in the backward pass once more, so that no 16-bit copy of it lives in between:
with torchao's or layerwise casting's layers each one lives until the backward pass has used it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

FORMATS = ("int8", "fp8", "nf4")
FP8_LARGEST = 448.0
BLOCK = 64
"""Weights that share a scale in nf4, as in QLoRA (Dettmers et al. 2023)."""
NF4 = (
    -1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0,
    0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0,
)  # fmt: skip
"""The sixteen levels of a 4-bit number for normally distributed weights (the same paper, appendix E)."""


def fold(weight: Tensor, form: str) -> tuple[Tensor, Tensor]:
    """A weight [out, in] as numbers of `form` and their scales in bfloat16, both on its device.

    int8: [out, in] int8, a scale for each row; fp8: the same in float8_e4m3fn; nf4: [out, in / 2] uint8, the first of
    two weights in the lower half, and a scale for each block of up to 64 in a row. An empty form keeps it as it is.
    Numbers are made for the rounded scale, so that its rounding adds no error of its own.
    """
    if not form:
        return weight.detach(), torch.empty(0, device=weight.device)
    rows = weight.detach().float()
    if form == "nf4":
        blocks = rows.reshape(len(rows), -1, _block(rows.shape[1]))
        scale = _positive(blocks.abs().amax(2, keepdim=True))
        levels = torch.tensor(NF4, device=rows.device)
        numbers = torch.bucketize((blocks / scale).flatten(1), (levels[1:] + levels[:-1]) / 2).to(torch.uint8)
        return numbers[:, 1::2] << 4 | numbers[:, ::2], scale.squeeze(2)
    largest = 127.0 if form == "int8" else FP8_LARGEST
    scale = _positive(rows.abs().amax(1, keepdim=True) / largest)
    numbers = (rows / scale).clamp(-largest, largest)
    return numbers.round().to(torch.int8) if form == "int8" else numbers.to(torch.float8_e4m3fn), scale


def unfold(numbers: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """The weight [out, in] that `fold` kept, in `dtype`.

    In bfloat16 as few bytes as can be pass through memory: this runs three times a layer and step. int8 and fp8 numbers
    are exact in it, and a product is rounded once.
    """
    if not scale.numel():
        return numbers.to(dtype)
    factor = scale.to(dtype)
    if numbers.dtype == torch.int8:
        return numbers * factor  # read as they are, without a copy in `dtype`
    if numbers.dtype != torch.uint8:
        return numbers.to(dtype).mul_(factor)
    values = _pairs(numbers.device, dtype)[numbers.int()].view(len(numbers), scale.shape[1], -1)
    return values.mul_(factor[:, :, None]).flatten(1)


@cache
def _pairs(device: torch.device, dtype: torch.dtype) -> Tensor:
    """[256, 2]: the two levels that a byte stands for."""
    levels = torch.tensor(NF4, dtype=dtype, device=device)
    return torch.stack((levels.repeat(16), levels.repeat_interleave(16)), 1)


def _block(columns: int) -> int:
    return math.gcd(BLOCK, columns)


def _positive(largest: Tensor) -> Tensor:
    # A row of zeros has any scale.
    return torch.where(largest > 0, largest, torch.ones_like(largest)).to(torch.bfloat16)


class _Apply(torch.autograd.Function):
    """x W^T + b with a folded W that has no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: QuantizedLinear, bias: Tensor | None) -> Tensor:
        ctx.layer = layer
        return torch.nn.functional.linear(x, layer.dense(x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient @ ctx.layer.dense(gradient.dtype), None, None


class Home(Protocol):
    """Where layers are that are not on the device."""

    def tensors(self, layer: QuantizedLinear, index: int) -> tuple[Tensor, Tensor]:
        """A layer's numbers and scales, on the device for now."""


def _hosted(tensor: Tensor) -> Tensor:
    # From pinned memory a copy runs beside the computation.
    return tensor.cpu().pin_memory() if tensor.is_cuda else tensor


class QuantizedLinear(torch.nn.Linear):
    """In place of a Linear layer, and a LoRA is put on it as on any other. The bias stays as it is."""

    def __init__(self, columns: int, rows: int, bias: bool, form: str) -> None:
        super().__init__(columns, rows, bias, device="meta")
        self.form = form
        self.home: tuple[Home, int] | None = None
        del self.weight
        self.register_buffer("weight", torch.empty(0))
        self.register_buffer("scale", torch.empty(0))

    def take(self, weight: Tensor) -> None:
        """Keep this weight [out, in], folded where it is now, in the layer's own place."""
        kept = fold(weight, self.form)
        self.weight, self.scale = map(_hosted, kept) if self.home else kept

    def leave(self, home: Home, index: int) -> None:
        """Keep what it takes in the host's memory from now on, as a layer of that home's block `index`."""
        self.home = home, index

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Numbers and scales where the layer computes."""
        if self.home is None:
            return self.weight, self.scale
        home, index = self.home
        return home.tensors(self, index)

    def dense(self, dtype: torch.dtype) -> Tensor:
        """The whole weight [out, in], made anew each time."""
        return unfold(*self.tensors(), dtype)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        made: Tensor = _Apply.apply(x, self, self.bias)  # type: ignore[no-untyped-call]
        return made


IN_BLOCKS = ("transformer_blocks.", ".layers.")
"""What a layer's name holds if it is one of many alike: of diffusers' models and of transformers'."""


def prepare(model: torch.nn.Module, form: str) -> list[tuple[torch.nn.Linear, QuantizedLinear]]:
    """Put layers without weights in place of the Linear ones of a model's blocks; each with the one that it replaces.

    What stands outside of the blocks (projections of tokens, of timesteps, of the output) stays as it is: it is a
    hundredth of the weights, and every token goes through it.
    """
    replaced = []
    for name, layer in list(model.named_modules()):
        if type(layer) is torch.nn.Linear and any(part in name for part in IN_BLOCKS):
            folded = QuantizedLinear(layer.in_features, layer.out_features, layer.bias is not None, form)
            model.set_submodule(name, folded)
            replaced.append((layer, folded))
    return replaced


def fold_layers(model: torch.nn.Module, form: str, device: str) -> None:
    """Fold the layers of a model that is in memory, each on `device`; what is there no more is freed one by one."""
    replaced = prepare(model, form)
    while replaced:
        layer, folded = replaced.pop()
        folded.take(layer.weight.to(device))
        folded.bias = layer.bias
