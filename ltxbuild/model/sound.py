"""Between samples of sound and normalised latents, through the audio VAE and the vocoder. Knows no file and no video."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WINDOW = 1024
"""Samples of a short-time spectrum, which no configuration states: ltx-core's default for LTX-2.3's 16 kHz."""
FLOOR = 1e-5
"""Below this a spectrum's magnitude counts as silence before its logarithm is taken (ltx-core)."""


def latent_count(config: Any, seconds: float) -> int:
    """Latents of so much sound, by a transformer's configuration: 25 a second for LTX-2.3, as its pipelines round."""
    rate = float(config.audio_sampling_rate / config.audio_hop_length / config.audio_scale_factor)
    return max(1, round(seconds * rate))


def mel(config: Any, samples: NDArray[np.int16]) -> Tensor:
    """Samples [n, 1 or 2] at the audio VAE's rate to the logarithm of a mel spectrogram [1, 2, frames, bins] in float32.

    Magnitudes of a centred transform with a Hann window, summed by Slaney's filters, as ltx-core has it.
    """
    waves = torch.from_numpy(np.ascontiguousarray(samples.T)).float() / 32768
    waves = waves.expand(int(config.in_channels), -1)
    window = torch.hann_window(WINDOW)
    hop = int(config.mel_hop_length)
    spectrum = torch.stft(waves, WINDOW, hop, window=window, pad_mode="reflect", return_complex=True).abs()
    filters = _filters(int(config.sample_rate), int(config.mel_bins))
    return (spectrum.transpose(1, 2) @ filters).clamp(min=FLOOR).log()[None]


@cache
def _filters(rate: int, bins: int) -> Tensor:
    """[frequencies, bins]."""
    from transformers.audio_utils import mel_filter_bank

    made = mel_filter_bank(WINDOW // 2 + 1, bins, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    return torch.from_numpy(made).float()


@torch.no_grad()
def encode(vae: Any, samples: NDArray[np.int16], count: int) -> Tensor:
    """Samples [n, 1 or 2] at the VAE's rate to `count` normalised latents [count, D] float32 on the CPU.

    The mode of the posterior [C, T, M], packed to [T, C * M] and normalised after that. A causal encoder makes one more
    than a second's share: what is beyond `count` is left out.
    """
    z = vae.encode(mel(vae.config, samples).to(vae.device, vae.dtype)).latent_dist.mode()
    packed = z[0].transpose(0, 1).flatten(1).float()
    normal: Tensor = (packed - vae.latents_mean.to(packed)) / vae.latents_std.to(packed)
    return normal[:count].cpu()


@torch.no_grad()
def decode(vae: Any, vocoder: Any, latents: Tensor) -> tuple[NDArray[np.int16], int]:
    """Normalised latents [A, D] to samples [n, 2], and how many there are in a second."""
    packed = latents.to(vae.device, torch.float32) * vae.latents_std.float() + vae.latents_mean.float()
    bins = int(vae.config.mel_bins) // vae.mel_compression_ratio
    z = packed.unflatten(1, (-1, bins)).transpose(0, 1)[None]
    waves = vocoder(vae.decode(z.to(vae.dtype)).sample)[0].float().clamp(-1, 1)
    whole = (waves * 32767).round().to(torch.int16).t().contiguous()
    return whole.cpu().numpy(), int(vocoder.config.output_sampling_rate)
