"""What one training step is made of, as a function of (seed, step) alone. Knows no model and no file.

Nothing is carried from step to step, so a run that was cut anywhere goes on exactly where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ltxbuild.model.device import generator
from ltxbuild.model.flow import Size
from ltxbuild.model.members import Member
from ltxbuild.model.sigmas import draw_mixed


@dataclass(frozen=True)
class Draw:
    """How steps are drawn; `schedule` is a distilled sampler's sigmas, or None for the normal draw alone."""

    seed: int
    batch: int
    first_frame: float
    prior: float
    schedule: tuple[float, ...] | None


@dataclass(frozen=True)
class Batch:
    """One step: members and windows of one shape, sigmas [B], noise [B, C, F, H, W], which first frames are
    given [B].
    """

    members: tuple[int, ...]
    windows: tuple[int, ...]
    sigmas: torch.Tensor
    noise: torch.Tensor
    given: torch.Tensor
    prior: bool


def draw_batch(draw: Draw, step: int, members: Sequence[Member]) -> Batch:
    """The batch of `step`: a clip by its repeats, then a window; the rest from clips of that shape."""
    dice = generator("draw", draw.seed, step)
    prior = float(torch.rand((), generator=dice)) < draw.prior
    chosen: list[int] = []
    at: list[int] = []
    pool = list(range(len(members)))
    for _ in range(draw.batch):
        member = pool[_weighted(dice, [members[i].repeats for i in pool])]
        if not chosen:
            pool = [i for i in pool if members[i].shape == members[member].shape]
        chosen.append(member)
        at.append(int(torch.randint(len(members[member].windows), (), generator=dice)))
    shape = members[chosen[0]].shape
    size = Size(*shape[1:])
    sigmas = draw_mixed(dice, draw.batch, size.tokens, draw.schedule)
    given = torch.rand(draw.batch, generator=dice) < draw.first_frame
    if size.frames == 1:
        given = torch.zeros_like(given)  # a still whose only frame is given has nothing left to learn from
    noise = torch.randn((draw.batch, *shape), generator=generator("noise", draw.seed, step))
    return Batch(tuple(chosen), tuple(at), sigmas, noise, given, prior)


def _weighted(dice: torch.Generator, weights: Sequence[float]) -> int:
    edges = torch.tensor(weights, dtype=torch.float64).cumsum(0)
    point = torch.rand((), generator=dice, dtype=torch.float64) * edges[-1]
    return min(int(torch.searchsorted(edges, point, right=True)), len(weights) - 1)


def given_tokens(given: torch.Tensor, size: Size) -> torch.Tensor:
    """[B, S] with 1 at the tokens of the first latent frame where `given` [B] is true."""
    mask = torch.zeros(len(given), size.tokens)
    mask[:, : size.height * size.width] = given.float()[:, None]
    return mask
