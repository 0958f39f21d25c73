"""A segment of LoRA training: pure function of the state before it, the members and the settings. Knows no
files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ltxbuild.job import JsonDict, StageError
from ltxbuild.model.draws import Batch, Draw, draw_batch, given_tokens
from ltxbuild.model.flow import Reference, Size, Sound, masked_loss, noised, pack, target, velocities
from ltxbuild.model.lora import Adapter
from ltxbuild.model.members import Member
from ltxbuild.model.optimizer import Rate
from ltxbuild.model.ranks import ALONE, Ranks

PATIENCE = 10
"""Steps in a row without a finite loss and gradient before training gives up."""


@dataclass
class Log:
    """What a segment tells about itself; all of it resumes with the segment."""

    steps: list[list[float]] = field(default_factory=list)
    per_clip: dict[str, list[float]] = field(default_factory=dict)
    skipped: int = 0
    in_a_row: int = 0

    def note(
        self, step: int, losses: torch.Tensor, keys: Sequence[str | None], figures: Sequence[float]
    ) -> None:
        """Add one step: its mean loss, then learning rate, mean sigma and gradient norm; and each sample to its clip,
        if it has a key.
        """
        self.steps.append([step, float(losses.mean()), *figures])
        for key, loss in zip(keys, losses.tolist(), strict=True):
            if key is None:
                continue
            total, count = self.per_clip.get(key, [0.0, 0])
            self.per_clip[key] = [total + loss, count + 1]

    def json(self) -> JsonDict:
        """The content of log.json."""
        steps: Any = self.steps
        per_clip: Any = self.per_clip
        return {"steps": steps, "per_clip": per_clip, "skipped": self.skipped}

    def dump(self) -> str:
        """For the partial state; floats keep every bit."""
        return json.dumps([self.steps, self.per_clip, self.skipped, self.in_a_row])

    @classmethod
    def parse(cls, text: str) -> Log:
        """The inverse of `dump`."""
        return cls(*json.loads(text))


@dataclass
class Trainer:
    """Everything that a step needs: `parts` batches make one, `empty` [L, D] and `sound_empty` [L, E] are the features
    of no caption.

    Of several `ranks` each goes through its own samples of a step; then all have its whole gradient and losses.
    """

    transformer: Any
    adapter: Adapter
    optimizer: torch.optim.AdamW
    members: Sequence[Member]
    draw: Draw
    rate: Rate
    clip_norm: float
    log: Log
    parts: int = 1
    empty: torch.Tensor | None = None
    sound_empty: torch.Tensor | None = None
    ranks: Ranks = ALONE

    def run(self, first: int, last: int, after: Callable[[int, Log], None]) -> None:
        """Train the steps after `first` up to and including `last`; `after(step, log)` may raise to stop in
        between.
        """
        self.transformer.train()  # checkpointing works in training mode only; the model has no dropout
        try:
            for step in range(first + 1, last + 1):
                self.step(step)
                after(step, self.log)
        finally:
            self.transformer.eval()

    def step(self, step: int) -> None:
        """One step over all its parts; skipped, and counted, when its loss or gradient is not finite."""
        batches = [draw_batch(self.draw, step, self.members, part) for part in range(self.parts)]
        values = torch.cat([self._accumulate(batch, part) for part, batch in enumerate(batches)])
        parameters = list(self.adapter.parameters().values())
        self.ranks.add_up([*(p.grad for p in parameters if p.grad is not None), values])
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self.clip_norm))
        if math.isfinite(norm) and bool(torch.isfinite(values).all()):
            rate = self.rate.at(step)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
            self.log.in_a_row = 0
            sigma = float(torch.cat([batch.sigmas for batch in batches]).mean())
            self.log.note(step, values, self._keys(batches), [rate, sigma, norm])
        else:
            self._skip(step)
        self.optimizer.zero_grad(set_to_none=True)

    def _accumulate(self, batch: Batch, part: int) -> torch.Tensor:
        """Add a batch's share of the step's gradient; its losses [B], zero where they are another process's."""
        count = len(batch.members)
        rows, values = self.ranks.rows(part, count), torch.zeros(count)
        if rows:
            losses = self.losses(batch.only(rows))
            (losses.mean() / (self.parts * count / len(rows))).backward()  # type: ignore[no-untyped-call]
            values[rows] = losses.detach().cpu()
        return values

    def _keys(self, batches: Sequence[Batch]) -> list[str | None]:
        # A prior step measures the distance to the base, not how well a clip is known.
        return [None if batch.prior else self.members[i].key for batch in batches for i in batch.members]

    def _skip(self, step: int) -> None:
        self.log.skipped += 1
        self.log.in_a_row += 1
        if self.log.in_a_row >= PATIENCE:
            raise StageError(
                f"training diverged: loss or gradient of the last {PATIENCE} steps up to step {step} "
                f"was not finite; "
                f"the learning rate {self.rate.peak:g} is probably too high: try half of it"
            )

    def losses(self, batch: Batch) -> torch.Tensor:
        """The loss of each sample of a batch [B], with gradient."""
        device = next(iter(self.adapter.parameters().values())).device
        chosen = [self.members[i] for i in batch.members]
        latents = torch.stack([m.windows[w] for m, w in zip(chosen, batch.windows, strict=True)])
        size = Size.of(latents)
        texts = torch.stack([self._text(member, batch, i) for i, member in enumerate(chosen)]).to(device)
        x0, noise = pack(latents).to(device), pack(batch.noise).to(device)
        given = given_tokens(batch.given, size).to(device)
        sigma = batch.sigmas.to(device)
        x = noised(x0, noise, sigma[:, None, None])
        x = torch.where(given[..., None] > 0, x0, x)
        per_token = given if bool(batch.given.any()) else None
        sound, wanted_sound = self._sound(batch, device)
        reference = self._reference(batch, size, device)
        arguments = (self.transformer, x, sigma, texts, size, chosen[0].fps, per_token, reference, sound)
        wanted = target(x0, noise)
        if batch.prior:
            with torch.no_grad(), self.adapter.off():
                wanted, wanted_sound = velocities(*arguments)
        made, made_sound = velocities(*arguments)
        loss = masked_loss(made, wanted, 1 - given)
        if made_sound is None or wanted_sound is None or self.draw.audio == "given":
            return loss
        return loss + (made_sound - wanted_sound).square().mean((1, 2))

    def _sound(self, batch: Batch, device: torch.device) -> tuple[Sound | None, torch.Tensor | None]:
        """What the model hears at the batch's noise levels, and the velocity [B, A, D] that is wanted of it."""
        if batch.heard is None or batch.hiss is None:
            return None, None
        pairs = zip(batch.members, batch.windows, strict=True)
        loud = torch.stack([self.members[i].sounds[w] for i, w in pairs]).to(device)
        hiss, level = batch.hiss.to(device), batch.heard.to(device)
        every = [self._text(self.members[i], batch, row, "sound_") for row, i in enumerate(batch.members)]
        text = torch.stack(every).to(device)
        return Sound(noised(loud, hiss, level[:, None, None]), level, text), target(loud, hiss)

    def _reference(self, batch: Batch, size: Size, device: torch.device) -> Reference | None:
        pairs = zip(batch.members, batch.windows, strict=True)
        shown = [self.members[i].references[w] for i, w in pairs if self.members[i].references]
        return Reference.of(torch.stack(shown), size, device) if shown else None

    def _text(self, member: Member, batch: Batch, index: int, of: str = "") -> torch.Tensor:
        """Features of the caption, of the class word on a prior step, or of nothing where the caption is left out; with
        `sound_` those for sound.
        """
        if batch.prior:
            found = member.sound_plain if of else member.plain
            if found is None:
                raise StageError("prior preservation needs the captions without trigger, and a clip has none")
            return found
        if bool(batch.uncaptioned[index]):
            found = self.sound_empty if of else self.empty
            if found is None:
                raise StageError("caption dropout needs the features of the empty prompt")
            return found
        found = member.sound_text if of else member.text
        assert found is not None, "sound comes with its features"
        return found
