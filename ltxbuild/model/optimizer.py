"""AdamW whose whole state can be written down and taken up again, and the learning rate by absolute step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ltxbuild.job import StageError

PARTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True)
class Rate:
    """Warm-up over absolute steps, then constant, then a linear decay from `start` over `length` steps to
    `to`.
    """

    peak: float
    warmup: int
    start: int | None = None
    length: int = 1
    to: float = 1.0

    def at(self, step: int) -> float:
        """The learning rate of step `step`, counted from 1."""
        rate = self.peak * min(1.0, step / self.warmup) if self.warmup > 0 else self.peak
        if self.start is None or step <= self.start:
            return rate
        share = min(1.0, (step - self.start) / self.length)
        return rate * (1 - share * (1 - self.to))


def make_optimizer(
    parameters: Mapping[str, torch.nn.Parameter], weight_decay: float, rate: float
) -> torch.optim.AdamW:
    """AdamW with the usual betas; fused, which is one kernel on a GPU and one pass over memory on a CPU."""
    return torch.optim.AdamW(list(parameters.values()), lr=rate, weight_decay=weight_decay, fused=True)


def state_tensors(
    optimizer: torch.optim.AdamW, parameters: Mapping[str, torch.nn.Parameter]
) -> dict[str, torch.Tensor]:
    """The state by `<part>/<parameter>`; empty before the first step."""
    return {
        f"{part}/{name}": optimizer.state[parameter][part].detach().cpu().clone()
        for name, parameter in parameters.items()
        if parameter in optimizer.state
        for part in PARTS
    }


def restore(
    optimizer: torch.optim.AdamW,
    parameters: Mapping[str, torch.nn.Parameter],
    tensors: Mapping[str, torch.Tensor],
) -> None:
    """The inverse of `state_tensors`. Raises StageError when the state belongs to another adapter."""
    if not tensors:
        return
    wanted = {f"{part}/{name}" for name in parameters for part in PARTS}
    if wanted != set(tensors):
        raise StageError("the optimizer's state does not belong to this adapter")
    for name, parameter in parameters.items():
        optimizer.state[parameter] = {
            # The count of steps stays float32 whatever the parameter is.
            part: tensors[f"{part}/{name}"].to(parameter.device)
            for part in PARTS
        }
