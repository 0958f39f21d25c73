"""Flow matching in five lines each, and the transformer's velocity under every condition that a clip can have: given
frames, a reference, sound. Knows no adapter and no data set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Size:
    """Latent frames, rows and columns."""

    frames: int
    height: int
    width: int

    @property
    def tokens(self) -> int:
        """Length of the sequence."""
        return self.frames * self.height * self.width

    @classmethod
    def of(cls, latents: torch.Tensor) -> Size:
        """The size of latents [..., C, F, H, W]."""
        frames, height, width = latents.shape[-3:]
        return cls(int(frames), int(height), int(width))


def pack(latents: torch.Tensor) -> torch.Tensor:
    """[B, C, F, H, W] to tokens [B, F*H*W, C] in the order frame, row, column (patch size 1)."""
    return latents.flatten(2).transpose(1, 2).contiguous()


def unpack(tokens: torch.Tensor, size: Size) -> torch.Tensor:
    """[B, F*H*W, C] to [B, C, F, H, W]."""
    shape = (tokens.shape[0], tokens.shape[2], size.frames, size.height, size.width)
    return tokens.transpose(1, 2).reshape(shape).contiguous()


def noised(x0: torch.Tensor, noise: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """x_t = (1 - s) x0 + s e, with `sigma` broadcast over tokens [B, S, C]."""
    return (1 - sigma) * x0 + sigma * noise


def target(x0: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """The velocity dx/ds = e - x0."""
    return noise - x0


def masked_loss(prediction: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Squared error of each sample [B], over tokens where `mask` [B, S] is 1, divided by that share of the
    tokens.
    """
    error = (prediction.float() - wanted.float()).square().mean(-1)
    return (error * mask).mean(1) / mask.mean(1)


@dataclass(frozen=True)
class Reference:
    """Clean tokens [B, R, C] shown beside the clip (IC-LoRA), of `size`; a smaller one by `scale` covers the same area."""

    tokens: torch.Tensor
    size: Size
    scale: int = 1

    @classmethod
    def of(cls, latents: torch.Tensor, size: Size, device: torch.device) -> Reference:
        """From latents [B, C, F, h, w] beside a clip of `size`, as much smaller as their rows are fewer."""
        own = Size.of(latents)
        return cls(pack(latents).to(device), own, size.height // own.height)


@dataclass(frozen=True)
class Sound:
    """Audio tokens [B, A, D] at noise levels `sigma` [B] (0: a clean condition) with text features [B, L, E]."""

    tokens: torch.Tensor
    sigma: torch.Tensor
    text: torch.Tensor


def velocity(
    transformer: Any,
    tokens: torch.Tensor,
    sigma: torch.Tensor,
    text: torch.Tensor,
    size: Size,
    fps: float,
    given: torch.Tensor | None = None,
    reference: Reference | None = None,
) -> torch.Tensor:
    """The video's velocity [B, S, C] in float32 without sound; see `velocities`."""
    return velocities(transformer, tokens, sigma, text, size, fps, given, reference)[0]


def velocities(
    transformer: Any,
    tokens: torch.Tensor,
    sigma: torch.Tensor,
    text: torch.Tensor,
    size: Size,
    fps: float,
    given: torch.Tensor | None = None,
    reference: Reference | None = None,
    sound: Sound | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The transformer's velocities [B, S, C] and, with sound, [B, A, D] in float32 at noise levels `sigma` [B] for
    text features [B, L, E].

    `given` [B, S] is 1 where a token is clean and known: its timestep is 0, while `sigma`, which modulates the text,
    stays the sample's own. A reference is known throughout, and its velocity is not returned. No text mask: registers
    have filled the padding. Equal to Lightricks' ltx-core to 1e-5, see tests/parity.
    """
    multiplier = float(transformer.config.timestep_scale_multiplier)
    scaled = sigma.to(device=tokens.device, dtype=torch.float32) * multiplier
    timestep = scaled[:, None] if given is None else scaled[:, None] * (1 - given.to(scaled))
    coords = _coords(transformer, size, len(tokens), tokens.device, fps)
    shown = tokens
    if reference is not None:
        beside = _coords(transformer, reference.size, len(tokens), tokens.device, fps)
        beside[:, 1:] *= reference.scale  # rows and columns; time is the clip's own
        coords = torch.cat([coords, beside], dim=2)
        timestep = timestep.expand(-1, size.tokens)
        timestep = torch.cat([timestep, timestep.new_zeros(len(tokens), reference.size.tokens)], dim=1)
        shown = torch.cat([tokens, reference.tokens.to(tokens)], dim=1)
    video, audio = transformer(
        hidden_states=shown.to(text.dtype),
        encoder_hidden_states=text,
        timestep=timestep,
        sigma=scaled,
        video_coords=coords,
        return_dict=False,
        **(_silence(transformer, scaled, text) if sound is None else _sounding(transformer, sound, text)),
    )
    seen: torch.Tensor = video.float()[:, : size.tokens]
    return seen, None if sound is None else audio.float()


def _coords(transformer: Any, size: Size, count: int, device: torch.device, fps: float) -> torch.Tensor:
    found: torch.Tensor = transformer.rope.prepare_video_coords(
        count, size.frames, size.height, size.width, device, fps=fps
    )
    return found


def _silence(transformer: Any, scaled: torch.Tensor, text: torch.Tensor) -> dict[str, Any]:
    """One zero audio token with one zero audio text token and isolated modalities: equal to a model without its audio
    half.
    """
    count, config = len(text), transformer.config
    width = config.caption_channels if config.use_prompt_embeddings else config.audio_cross_attention_dim
    return {
        "audio_hidden_states": text.new_zeros(count, 1, config.audio_in_channels),
        "audio_encoder_hidden_states": text.new_zeros(count, 1, width),
        "audio_timestep": scaled[:, None],  # without it the video's per-token timesteps would be taken
        "audio_coords": transformer.audio_rope.prepare_audio_coords(count, 1, text.device),
        "isolate_modalities": True,
    }


def _sounding(transformer: Any, sound: Sound, text: torch.Tensor) -> dict[str, Any]:
    """Both modalities, each seen by the other through the other's noise level, as ltx-core has it."""
    count, length, _ = sound.tokens.shape
    scaled = sound.sigma.to(device=text.device, dtype=torch.float32)
    scaled = scaled * float(transformer.config.timestep_scale_multiplier)
    return {
        "audio_hidden_states": sound.tokens.to(text.dtype),
        "audio_encoder_hidden_states": sound.text.to(text.dtype),
        "audio_timestep": scaled[:, None],
        "audio_sigma": scaled,
        "audio_coords": transformer.audio_rope.prepare_audio_coords(count, length, text.device),
        "isolate_modalities": False,
        "use_cross_timestep": True,
    }
