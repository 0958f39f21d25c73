"""Euler steps along the flow from noise to latents, video alone. Knows no adapter, no prompt and no file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from ltxbuild.job import StageError
from ltxbuild.model.flow import Reference, Size, pack, unpack, velocity


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


def start_noise(seed: int, channels: int, size: Size) -> torch.Tensor:
    """Noise [1, C, F, H, W] as the stock pipeline draws it from a CPU generator of this seed."""
    dice = torch.Generator("cpu").manual_seed(seed)
    return torch.randn((1, channels, size.frames, size.height, size.width), generator=dice)


@torch.no_grad()
def sample(
    transformer: Any,
    noise: torch.Tensor,
    text: torch.Tensor,
    negative: torch.Tensor | None,
    sigmas: Sequence[float],
    guidance: float,
    fps: float,
    after: Callable[[int], None] = lambda step: None,
    shown: torch.Tensor | None = None,
) -> torch.Tensor:
    """Normalised latents [C, F, H, W] from `noise` [1, C, F, H, W] and features [L, D]; `shown` are a reference's latents.

    With guidance other than 1, v = v_negative + guidance * (v_text - v_negative). The state stays float32.
    """
    size = Size.of(noise)
    device = next(transformer.parameters()).device
    x = pack(noise).to(device)
    guided = guidance != 1
    if guided and negative is None:
        raise StageError("guidance needs the features of the empty prompt")
    texts = torch.stack([negative, text] if guided and negative is not None else [text]).to(device)
    reference = None
    if shown is not None:
        reference = Reference.of(shown.expand(len(texts), -1, -1, -1, -1), size, device)
    for step, (sigma, following) in enumerate(pairwise(sigmas), start=1):
        levels = torch.full((len(texts),), sigma, device=device)
        v = velocity(transformer, x.expand(len(texts), -1, -1), levels, texts, size, fps, reference=reference)
        step_v = v[:1] + guidance * (v[1:] - v[:1]) if guided else v
        x = x + (following - sigma) * step_v
        after(step)
    return unpack(x, size)[0].cpu()
