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
    """How steps are drawn; `schedule` is a distilled sampler's sigmas, or None for the normal draw alone.

    `first_frame`, `last_frame`, `prefix` and `suffix` are the shares of samples that are given the first or last latent
    frame, or `context` of them from the start or the end; each is drawn by itself, so both ends may be given.
    `audio` says what becomes of sound: it is `generated` beside the picture, or `given` to it.
    """

    seed: int
    batch: int
    first_frame: float
    prior: float
    schedule: tuple[float, ...] | None
    last_frame: float = 0.0
    prefix: float = 0.0
    suffix: float = 0.0
    context: int = 3
    caption_dropout: float = 0.0
    audio: str | None = None


@dataclass(frozen=True)
class Batch:
    """Members and windows of one shape, sigmas [B], noise [B, C, F, H, W], which latent frames are given [B, F], and
    whose caption is left out [B]; where the members have sound, the same of it: `heard` [B] and `hiss` [B, A, D].
    """

    members: tuple[int, ...]
    windows: tuple[int, ...]
    sigmas: torch.Tensor
    noise: torch.Tensor
    given: torch.Tensor
    prior: bool
    uncaptioned: torch.Tensor
    heard: torch.Tensor | None = None
    hiss: torch.Tensor | None = None

    def only(self, rows: Sequence[int]) -> Batch:
        """Some of its samples."""
        if len(rows) == len(self.members):
            return self
        at = list(rows)
        return Batch(
            tuple(self.members[i] for i in at),
            tuple(self.windows[i] for i in at),
            self.sigmas[at],
            self.noise[at],
            self.given[at],
            self.prior,
            self.uncaptioned[at],
            None if self.heard is None else self.heard[at],
            None if self.hiss is None else self.hiss[at],
        )


def draw_batch(draw: Draw, step: int, members: Sequence[Member], part: int = 0) -> Batch:
    """The batch of `step`: a clip by its repeats, then a window; the rest from clips of that shape.

    With gradient accumulation a step has several, told apart by `part`.
    """
    place = (draw.seed, step, part) if part else (draw.seed, step)
    dice = generator("draw", *place)
    prior = float(torch.rand((), generator=dice)) < draw.prior
    chosen: list[int] = []
    at: list[int] = []
    pool = list(range(len(members)))
    for _ in range(draw.batch):
        member = pool[_weighted(dice, [members[i].repeats for i in pool])]
        if not chosen:
            pool = [i for i in pool if members[i].form == members[member].form]
        chosen.append(member)
        at.append(int(torch.randint(len(members[member].windows), (), generator=dice)))
    shape = members[chosen[0]].shape
    size = Size(*shape[1:])
    sigmas = draw_mixed(dice, draw.batch, size.tokens, draw.schedule)
    given = _given(draw, dice, size.frames)
    uncaptioned = _happens(dice, draw.batch, draw.caption_dropout)
    noise = torch.randn((draw.batch, *shape), generator=generator("noise", *place))
    heard, hiss = _sound(draw, members[chosen[0]], place)
    return Batch(tuple(chosen), tuple(at), sigmas, noise, given, prior, uncaptioned, heard, hiss)


def _sound(
    draw: Draw, member: Member, place: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor] | tuple[None, None]:
    """Noise levels [B] and noise [B, A, D] of the sound, by dice of its own; sound that is given has none of it.

    Independent of the video's levels, and shifted by the sound's own length, as the official trainer draws them.
    """
    if not member.sounds:
        return None, None
    shape = (draw.batch, *member.sounds[0].shape)
    if draw.audio == "given":
        return torch.zeros(draw.batch), torch.zeros(shape)
    dice = generator("sound", *place)
    return draw_mixed(dice, draw.batch, shape[1], draw.schedule), torch.randn(shape, generator=dice)


def _given(draw: Draw, dice: torch.Generator, frames: int) -> torch.Tensor:
    """[B, F]: which latent frames are given."""
    # Always drawn, unlike the others: this draw is older than the rule that an unused condition draws nothing.
    first = torch.rand(draw.batch, generator=dice) < draw.first_frame
    shares = (
        (draw.last_frame, slice(-1, None)),
        (draw.prefix, slice(draw.context)),
        (draw.suffix, slice(-draw.context, None)),
    )
    mask = torch.zeros(draw.batch, frames, dtype=torch.bool)
    mask[:, :1] |= first[:, None]
    for share, span in shares:
        mask[:, span] |= _happens(dice, draw.batch, share)[:, None]
    # A still, or a clip as short as what is given of it, would have nothing left to learn from.
    return mask & ~mask.all(dim=1, keepdim=True)


def _happens(dice: torch.Generator, count: int, share: float) -> torch.Tensor:
    """[count]; nothing is drawn for a share of 0, so that a condition that is not used moves no other draw."""
    if share <= 0:
        return torch.zeros(count, dtype=torch.bool)
    return torch.rand(count, generator=dice) < share


def _weighted(dice: torch.Generator, weights: Sequence[float]) -> int:
    edges = torch.tensor(weights, dtype=torch.float64).cumsum(0)
    point = torch.rand((), generator=dice, dtype=torch.float64) * edges[-1]
    return min(int(torch.searchsorted(edges, point, right=True)), len(weights) - 1)


def given_tokens(given: torch.Tensor, size: Size) -> torch.Tensor:
    """[B, S] with 1 at the tokens of the latent frames where `given` [B, F] is true."""
    return given.float().repeat_interleave(size.height * size.width, dim=1)
