"""Processes that share the samples of each training step and end it with the same gradient. Knows no training.

torch.distributed directly: accelerate would wrap model, optimizer and data, and here nothing but a sum is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

PATIENCE = timedelta(minutes=10)
"""How long one waits for the others: as long as it takes to open a large model."""


@dataclass(frozen=True)
class Ranks:
    """This process among `world`."""

    rank: int = 0
    world: int = 1

    def rows(self, part: int, batch: int) -> list[int]:
        """Which samples of a step's `part` of `batch` samples are this process's."""
        return [i for i in range(batch) if (part * batch + i) % self.world == self.rank]

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Make each tensor the sum over all processes, in place."""
        if self.world == 1:
            return
        device = tensors[0].device
        flat = torch.cat([t.detach().flatten().to(device, torch.float32) for t in tensors])
        dist.all_reduce(flat)
        totals = torch.split(flat, [t.numel() for t in tensors])
        for tensor, total in zip(tensors, totals, strict=True):
            tensor.detach().copy_(total.view_as(tensor))


ALONE = Ranks()


@contextmanager
def joined(ranks: Ranks, meeting: Path, device: str) -> Iterator[Ranks]:
    """Be one of them while this lasts; they find each other by the file `meeting`, which is not there yet."""
    place = torch.device(device)
    if place.type == "cuda":
        torch.cuda.set_device(place.index or 0)
    backend = "nccl" if place.type == "cuda" else "gloo"
    dist.init_process_group(
        backend, init_method=meeting.as_uri(), rank=ranks.rank, world_size=ranks.world, timeout=PATIENCE
    )
    try:
        yield ranks
    finally:
        dist.destroy_process_group()
