"""Between pixels and normalised latents, through the video VAE. Knows no file and no window."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ltxbuild.job import StageError

TILED_ABOVE = 64 * 1024 * 1024
"""Pixels of a video (width x height x frames) above which the VAE works in tiles: 960x544x121 still fits in
one.
"""


def fit(
    frame: NDArray[np.uint8], scale: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]
) -> torch.Tensor:
    """Scale a frame [H, W, 3] to `scale` (width, height), cut `size` at `corner` (x, y); uint8 [3, h, w].

    Bicubic with antialiasing, on the CPU, so that every machine trains on the same pixels.
    """
    (x, y), (width, height) = corner, size
    picture = torch.from_numpy(frame).permute(2, 0, 1)
    if tuple(picture.shape[1:]) != (scale[1], scale[0]):
        enlarged = torch.nn.functional.interpolate(
            picture[None].float(), (scale[1], scale[0]), mode="bicubic", antialias=True, align_corners=False
        )
        picture = enlarged[0].round().clamp(0, 255).to(torch.uint8)
    cut = picture[:, y : y + height, x : x + width]
    if tuple(cut.shape[1:]) != (height, width):
        raise StageError(
            f"the crop of {width}x{height} at {x},{y} leaves the picture of {scale[0]}x{scale[1]}"
        )
    return cut.contiguous()


def check_grid(vae: Any, width: int, height: int, frames: int) -> None:
    """Refuse sizes that the VAE cannot compress evenly; it would fail with a message about shapes. Raises
    StageError.
    """
    spatial, temporal = int(vae.spatial_compression_ratio), int(vae.temporal_compression_ratio)
    if width % spatial or height % spatial or width < spatial or height < spatial:
        raise StageError(f"{width}x{height} is off the grid: both must be multiples of {spatial}")
    if frames < 1 or (frames - 1) % temporal:
        raise StageError(
            f"{frames} frames are off the grid: {temporal}k + 1 are needed, such as {temporal + 1}"
        )


def _statistics(vae: Any, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
    mean, deviation = (t.view(1, -1, 1, 1, 1).to(like) for t in (vae.latents_mean, vae.latents_std))
    return mean, deviation, float(vae.config.scaling_factor)


def _tiling(vae: Any, pixels: int) -> None:
    if pixels > TILED_ABOVE:
        vae.enable_tiling()
    else:
        vae.disable_tiling()


@torch.no_grad()
def encode(vae: Any, frames: torch.Tensor) -> torch.Tensor:
    """Frames [F, 3, H, W] uint8 to normalised latents [C, f, h, w] float32 on the CPU.

    The mode of the posterior, (z - mean) * factor / std. Raises StageError for a size off the grid.
    """
    count, _, height, width = frames.shape
    check_grid(vae, width, height, count)
    _tiling(vae, count * height * width)
    x = frames.permute(1, 0, 2, 3)[None].float() / 127.5 - 1
    z = vae.encode(x.to(vae.device, vae.dtype)).latent_dist.mode().float()
    mean, deviation, factor = _statistics(vae, z)
    normal: torch.Tensor = ((z - mean) * factor / deviation)[0].cpu()
    return normal


@torch.no_grad()
def decode(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Normalised latents [C, f, h, w] to frames [F, H, W, 3] uint8 on the CPU."""
    z = latents[None].float().to(vae.device)
    mean, deviation, factor = _statistics(vae, z)
    _, frames, height, width = latents.shape
    side, length = int(vae.spatial_compression_ratio), int(vae.temporal_compression_ratio)
    _tiling(vae, ((frames - 1) * length + 1) * height * width * side * side)
    x = vae.decode((z * deviation / factor + mean).to(vae.dtype), return_dict=False)[0].float()
    picture: torch.Tensor = (
        ((x[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 3, 0).cpu()
    )
    return picture.contiguous()
