"""A linear layer with a LoRA beside it. Knows no model and no training.

peft's own layer computes the LoRA in its weights' format: in fp32 beside a base in bf16 each input is copied to fp32, and
four results as large as the layer's own pass through memory. Here the LoRA is multiplied in the input's format, as under
autocast in the official trainer, and added where the layer's result already lies; its weights and gradients stay fp32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ltxbuild.model.quantized import QuantizedLinear


class LoraLinear(torch.nn.Module):
    """x W^T + b + weight * scale * (x A^T) B^T around a frozen layer; A [rank, in] and B [out, rank] are fp32.

    `weight` is how strongly the LoRA acts; at 0 the layer's own result comes out bit for bit.
    """

    def __init__(self, base: torch.nn.Linear, rank: int, scale: float, device: torch.device) -> None:
        super().__init__()
        self.base, self.scale, self.weight = base, scale, 1.0
        self.a = torch.nn.Parameter(torch.zeros(rank, base.in_features, device=device))
        self.b = torch.nn.Parameter(torch.zeros(base.out_features, rank, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        if self.weight == 0:
            own: Tensor = self.base(x)
            return own
        made: Tensor = _Apply.apply(x, self.a, self.b, self.base, self.scale * self.weight)  # type: ignore[no-untyped-call]
        return made


def _dense(layer: torch.nn.Linear, dtype: torch.dtype) -> Tensor:
    """The layer's weight [out, in]; what is folded is unfolded here and lives only as long as it is used."""
    return layer.dense(dtype) if isinstance(layer, QuantizedLinear) else layer.weight


class _Apply(torch.autograd.Function):
    """Keeps the input and x A^T [tokens, rank] for the backward pass, and neither the weight nor a result."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor, b: Tensor, base: torch.nn.Linear, factor: float) -> Tensor:
        inner = x.flatten(0, -2) @ a.to(x.dtype).t()
        y = torch.nn.functional.linear(x, _dense(base, x.dtype), base.bias)
        y.view(-1, y.shape[-1]).addmm_(inner, (b * factor).to(x.dtype).t())
        ctx.save_for_backward(x, inner, a, b)
        ctx.base, ctx.factor = base, factor
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        x, inner, a, b = ctx.saved_tensors
        outer = gradient.flatten(0, -2)
        through = outer @ (b * ctx.factor).to(outer.dtype)  # [tokens, rank]
        for_b = (outer.t() @ inner).to(b.dtype) * ctx.factor
        for_a = (through.t() @ x.flatten(0, -2)).to(a.dtype)
        if not ctx.needs_input_grad[0]:
            return None, for_a, for_b, None, None
        for_x = outer @ _dense(ctx.base, outer.dtype)
        for_x.addmm_(through, a.to(outer.dtype))
        return for_x.view_as(x), for_a, for_b, None, None
