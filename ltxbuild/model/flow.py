"""Flow matching in five lines each, and the transformer's velocity for video alone. Knows no adapter and no
data set.
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


def velocity(
    transformer: Any,
    tokens: torch.Tensor,
    sigma: torch.Tensor,
    text: torch.Tensor,
    size: Size,
    fps: float,
    given: torch.Tensor | None = None,
) -> torch.Tensor:
    """The transformer's velocity [B, S, C] in float32 at noise levels `sigma` [B], for text features [B, L,
    D].

    `given` [B, S] is 1 where a token is clean and known: its timestep is 0, while `sigma`, which modulates
    the text, stays the sample's own. One zero audio token with one zero audio text token and isolated
    modalities make this equal to a model without its audio half. No text mask: registers have filled the
    padding.
    """
    count, device = tokens.shape[0], tokens.device
    dtype = text.dtype
    config = transformer.config
    scaled = sigma.to(device=device, dtype=torch.float32) * float(config.timestep_scale_multiplier)
    steps = scaled[:, None]
    timestep = steps if given is None else steps * (1 - given.to(steps))
    audio_width = (
        config.caption_channels if config.use_prompt_embeddings else config.audio_cross_attention_dim
    )
    video, _ = transformer(
        hidden_states=tokens.to(dtype),
        audio_hidden_states=torch.zeros(count, 1, config.audio_in_channels, device=device, dtype=dtype),
        encoder_hidden_states=text,
        audio_encoder_hidden_states=torch.zeros(count, 1, audio_width, device=device, dtype=dtype),
        timestep=timestep,
        audio_timestep=steps,  # without it the video's per-token timesteps would be taken
        sigma=scaled,
        video_coords=transformer.rope.prepare_video_coords(
            count, size.frames, size.height, size.width, device, fps=fps
        ),
        audio_coords=transformer.audio_rope.prepare_audio_coords(count, 1, device),
        isolate_modalities=True,
        return_dict=False,
    )
    result: torch.Tensor = video.float()
    return result
