"""Weights of some blocks that stay in the host's memory and visit the device while their block computes.

The next block's are on their way meanwhile, over a stream of their own: two blocks at most are on the device. Which next
one is depends on the direction: in the backward pass checkpointing computes the blocks again from the last to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ltxbuild.model.quantized import QuantizedLinear

Copies = dict[QuantizedLinear, tuple[Tensor, Tensor]]


class Visit(NamedTuple):
    """A block's weights on the device, and what to wait for before they are used (None without a stream)."""

    copies: Copies
    arrived: Any


def spread(count: int, blocks: int) -> list[int]:
    """Which of the blocks are swapped: `count` of them, as far apart as can be, so that each has time to arrive."""
    return [i for i in range(blocks) if (i + 1) * count // blocks > i * count // blocks]


class Swap:
    """Brings weights to the device block by block. `blocks` are modules of the model in their order."""

    def __init__(self, blocks: Sequence[torch.nn.Module], device: str) -> None:
        self.device = torch.device(device)
        cuda: Any = torch.cuda
        self.stream = cuda.Stream(self.device) if self.device.type == "cuda" else None
        self.layers = [[m for m in block.modules() if isinstance(m, QuantizedLinear)] for block in blocks]
        self.visits: dict[int, Visit] = {}
        self.last = -1
        for index, block in enumerate(blocks):
            for layer in self.layers[index]:
                layer.leave(self, index)
            block.register_forward_pre_hook(lambda *_, index=index: self.enter(index))

    def enter(self, index: int) -> None:
        """Make the weights of a block ready to use, let those of others go, and send for the next one's."""
        self.visits = {i: visit for i, visit in self.visits.items() if i == index}
        visit = self._fetch(index)
        if self.stream is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_event(visit.arrived)
            for pair in visit.copies.values():
                for tensor in pair:
                    # Its memory is not given away before the block is done with it.
                    tensor.record_stream(current)
        # A block that comes twice in a row is the last one, at the turn to the backward pass. After the first one comes
        # the second in either direction: a step ends with the first and the next begins with it.
        step = 1 if index > self.last or index == 0 else -1
        self.last = index
        if 0 <= index + step < len(self.layers):
            self._fetch(index + step)

    def tensors(self, layer: QuantizedLinear, index: int) -> tuple[Tensor, Tensor]:
        """A layer's weight and scale on the device; without checkpointing its block may have left meanwhile."""
        if index not in self.visits:
            self.enter(index)
        return self.visits[index].copies[layer]

    def _fetch(self, index: int) -> Visit:
        if index not in self.visits:
            with torch.cuda.stream(self.stream):  # none: does nothing
                copies = {layer: self._copied(layer) for layer in self.layers[index]}
                arrived = self.stream.record_event() if self.stream is not None else None
            self.visits[index] = Visit(copies, arrived)
        return self.visits[index]

    def _copied(self, layer: QuantizedLinear) -> tuple[Tensor, Tensor]:
        weight, scale = (t.to(self.device, non_blocking=True, copy=True) for t in (layer.weight, layer.scale))
        return weight, scale
