"""Euler steps along the flow from noise to latents, of a video alone or with its sound. Knows no adapter, no prompt and
no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from ltxbuild.job import StageError
from ltxbuild.model.flow import Reference, Size, Sound, pack, unpack, velocities


def sampler_sigmas(scheduler: Mapping[str, Any], tokens: int, settings: Mapping[str, Any]) -> list[float]:
    """The noise levels of a run, ending in 0: `settings["sigmas"]` as they are, or `settings["steps"]`
    evenly spaced ones.

    Evenly spaced ones are shifted by the scheduler's own rule for `tokens`, as the stock pipeline does.
    """
    explicit = settings.get("sigmas")
    if explicit:
        values = [float(v) for v in explicit]
        if any(a <= b for a, b in pairwise(values)) or values[-1] < 0:
            raise StageError("the sampler's sigmas must fall and may not be negative")
        return values if values[-1] == 0 else [*values, 0.0]
    steps = int(settings["steps"])
    names = {
        "base_image_seq_len": 1024,
        "max_image_seq_len": 4096,
        "base_shift": 0.95,
        "max_shift": 2.05,
    }
    low, high, base, most = (float(scheduler.get(name, default)) for name, default in names.items())
    rule = FlowMatchEulerDiscreteScheduler.from_config(dict(scheduler))
    spaced = torch.linspace(1.0, 1 / steps, steps, dtype=torch.float64).tolist()
    rule.set_timesteps(sigmas=spaced, mu=base + (most - base) * (tokens - low) / (high - low))
    return [float(v) for v in rule.sigmas]


def start_noise(
    seed: int, channels: int, size: Size, sound: tuple[int, int, int] | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Noise [1, C, F, H, W] and, for sound of (channels, latents, bins), [A, channels * bins].

    As the stock pipeline draws them, one after the other, from a CPU generator of this seed.
    """
    dice = torch.Generator("cpu").manual_seed(seed)
    video = torch.randn((1, channels, size.frames, size.height, size.width), generator=dice)
    if sound is None:
        return video, None
    return video, torch.randn(sound, generator=dice).transpose(0, 1).flatten(1)


@dataclass(frozen=True)
class Start:
    """What a sample starts from: noise [1, C, F, H, W]; latents of a reference that it is shown; of its sound [A, D]
    the noise, or the latents that are `given`.
    """

    noise: torch.Tensor
    reference: torch.Tensor | None = None
    sound: torch.Tensor | None = None
    given: bool = False


@dataclass(frozen=True)
class Prompt:
    """Features [L, D] of a text and, for sound, [L, E]."""

    video: torch.Tensor
    audio: torch.Tensor | None = None


@dataclass(frozen=True)
class Guidance:
    """v = v_negative + scale * (v_text - v_negative), with a scale of its own for sound; 1 needs no `negative`."""

    negative: Prompt | None = None
    video: float = 1.0
    audio: float = 1.0


@torch.no_grad()
def sample(
    transformer: Any,
    start: Start,
    text: Prompt,
    guidance: Guidance,
    sigmas: Sequence[float],
    fps: float,
    after: Callable[[int], None] = lambda step: None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Normalised latents [C, F, H, W] and, with sound, [A, D]. The state stays float32."""
    size, device = Size.of(start.noise), next(transformer.parameters()).device
    x = pack(start.noise).to(device)
    heard = None if start.sound is None else start.sound[None].to(device, torch.float32)
    prompts = [text] if guidance.video == guidance.audio == 1 else [_negative(guidance), text]
    count = len(prompts)
    texts = torch.stack([prompt.video for prompt in prompts]).to(device)
    reference = None
    if start.reference is not None:
        reference = Reference.of(start.reference.expand(count, -1, -1, -1, -1), size, device)
    for step, (sigma, following) in enumerate(pairwise(sigmas), start=1):
        levels = torch.full((count,), sigma, device=device)
        sound = None
        if heard is not None:
            loud = torch.zeros_like(levels) if start.given else levels
            sound = Sound(heard.expand(count, -1, -1), loud, _sound_texts(prompts, device))
        v, a = velocities(
            transformer, x.expand(count, -1, -1), levels, texts, size, fps, None, reference, sound
        )
        x = x + (following - sigma) * _guided(v, guidance.video)
        if a is not None and heard is not None and not start.given:
            heard = heard + (following - sigma) * _guided(a, guidance.audio)
        after(step)
    return unpack(x, size)[0].cpu(), None if heard is None else heard[0].cpu()


def _sound_texts(prompts: Sequence[Prompt], device: torch.device) -> torch.Tensor:
    """[B, L, E]: what the prompts say of the sound."""
    return torch.stack([prompt.audio for prompt in prompts if prompt.audio is not None]).to(device)


def _negative(guidance: Guidance) -> Prompt:
    if guidance.negative is None:
        raise StageError("guidance needs the features of the empty prompt")
    return guidance.negative


def _guided(v: torch.Tensor, scale: float) -> torch.Tensor:
    """[1, S, C] of the negative's and the text's velocity [2, S, C]; [1, S, C] as it is."""
    return v if len(v) == 1 else v[:1] + scale * (v[1:] - v[:1])
