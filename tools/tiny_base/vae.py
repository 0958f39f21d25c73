"""The tiny base's video VAE: the real class with weights that are computed, not trained.

Two principal component analyses, of 16x16 patches and then of groups of four frames, are written into the
convolutions. Three tricks make the class linear: a pair of channels (+x, -x) behind SiLU adds up to x exactly, a
constant channel far larger than the others makes RMSNorm a constant factor, and a downsampler with a zero convolution
and its residual is a lossless rearrangement.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLLTX2Video

PATCH, FRAMES = 16, 4
LOUD = 4000.0  # the constant channel; features reach about 50, and the error is the square of their ratio


def empty(channels: int) -> AutoencoderKLLTX2Video:
    """The class without resnets, so that only samplers and the outer convolutions hold weights; all zero."""
    width = 2 * channels + 2
    vae = AutoencoderKLLTX2Video(
        in_channels=3,
        out_channels=3,
        latent_channels=channels,
        block_out_channels=(2 * channels, 4 * channels),
        down_block_types=("LTX2VideoDownBlock3D",) * 2,
        decoder_block_out_channels=(width, width),
        layers_per_block=(0, 0, 0),
        decoder_layers_per_block=(0, 0, 0),
        spatio_temporal_scaling=(True, True),
        decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False,) * 3,
        downsample_type=("temporal", "temporal"),
        upsample_type=("temporal", "temporal"),
        upsample_residual=(False, False),
        upsample_factor=(1, 1),
        timestep_conditioning=False,
        patch_size=PATCH,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
        spatial_compression_ratio=PATCH,
        temporal_compression_ratio=FRAMES,
    )
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.zero_()
    return vae


def patches(clips: torch.Tensor) -> torch.Tensor:
    """[B, 3, F, H, W] -> [B, 3*16*16, F, H/16, W/16] in the order of the class's own patchify."""
    b, c, f, h, w = clips.shape
    cut = clips.reshape(b, c, f, 1, h // PATCH, PATCH, w // PATCH, PATCH)
    return cut.permute(0, 1, 3, 7, 5, 2, 4, 6).flatten(1, 4)


def components(rows: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [D] and the `count` largest principal components [count, D] of rows [N, D], signs fixed."""
    mean = rows.mean(0)
    centred = (rows - mean).double()
    vectors = torch.linalg.eigh(centred.T @ centred / len(rows))[1][:, -count:].flip(1).T
    signs = torch.sign(vectors.gather(1, vectors.abs().argmax(1, keepdim=True)))
    return mean, (vectors * signs).float()


@dataclass(frozen=True)
class Projection:
    """The two analyses: of patches (`space` [M, 768]), then of groups of four frames of them (`time` [K, 4 M])."""

    mean: torch.Tensor
    space: torch.Tensor
    centre: torch.Tensor
    time: torch.Tensor

    @torch.no_grad()
    def encode(self, clips: torch.Tensor) -> torch.Tensor:
        """Latents [B, K + 1, f, h, w], not normalised, as the class makes them; many times faster."""
        groups = _groups(_features(clips, self.mean, self.space))
        z = torch.einsum("kg,bfhwg->bkfhw", self.time, groups - self.centre)
        return torch.cat([z, torch.zeros_like(z[:, :1])], 1)


def _features(clips: torch.Tensor, mean: torch.Tensor, space: torch.Tensor) -> torch.Tensor:
    return torch.einsum("oc,bcfhw->bofhw", space, patches(clips) - mean.view(1, -1, 1, 1, 1))


def _groups(features: torch.Tensor) -> torch.Tensor:
    """[B, M, 4 n + 1, h, w] -> [B, n + 1, h, w, 4 M]; the first frame fills a group of its own."""
    frames = torch.cat([features[:, :, :1].expand(-1, -1, FRAMES, -1, -1), features[:, :, 1:]], 2)
    b, m, f, h, w = frames.shape
    return frames.reshape(b, m, f // 4, 2, 2, h, w).permute(0, 2, 5, 6, 3, 1, 4).flatten(4)


@torch.no_grad()
def analyse(channels: int, clips: torch.Tensor) -> Projection:
    """The two analyses of `clips` [B, 3, F, H, W] in [-1, 1]; the last channel stays free for the class's tricks."""
    cut = patches(clips)
    mean, space = components(cut.permute(0, 2, 3, 4, 1).reshape(-1, cut.shape[1]), channels)
    rows = _groups(_features(clips, mean, space)).reshape(-1, 4 * channels)
    return Projection(mean, space, *components(rows, channels - 1))


@torch.no_grad()
def read(vae: AutoencoderKLLTX2Video) -> Projection:
    """The projection that a VAE of `build` computes, from its weights."""
    m, kept = vae.config.latent_channels, vae.config.latent_channels - 1
    mix = vae.encoder.down_blocks[1].downsamplers[0].conv.conv.weight[:kept]
    pairs = vae.decoder.up_blocks[0].upsamplers[0].conv.conv.bias[: 4 * m]
    return Projection(
        mean=vae.decoder.conv_out.conv.bias.clone(),
        space=vae.encoder.conv_in.conv.weight[:, :, 2, 1, 1].clone(),
        centre=torch.cat([pairs[0::2], pairs[1::2]]),
        time=torch.cat([mix[:, :, 1, 1, 1], mix[:, :, 2, 1, 1] + torch.eye(2 * m)[:kept]], 1),
    )


@torch.no_grad()
def build(projection: Projection) -> AutoencoderKLLTX2Video:
    """The class with the weights that compute `projection` and its inverse; `normalise` sets its statistics."""
    vae = empty(len(projection.space))
    parts = (projection.mean, projection.space, projection.centre, projection.time)
    _encoder(vae, *parts)
    _decoder(vae, *parts)
    return vae


@torch.no_grad()
def normalise(vae: AutoencoderKLLTX2Video, latents: torch.Tensor, power: float = 0.5) -> None:
    """Set mean and scale of the latents.

    They are scaled by their deviation to the `power`: full whitening (1) would give fine detail the same weight as
    the picture's layout.
    """
    vae.latents_mean.copy_(latents.mean((0, 2, 3, 4)))
    spread = latents.std((0, 2, 3, 4))
    scale = torch.where(spread < 1e-4, torch.ones_like(spread), spread.clamp_min(1e-4) ** power)
    live = spread >= 1e-4
    scale[live] *= ((spread[live] / scale[live]) ** 2).mean().sqrt()
    vae.latents_std.copy_(scale)


def _encoder(
    vae: AutoencoderKLLTX2Video,
    mean: torch.Tensor,
    space: torch.Tensor,
    centre: torch.Tensor,
    time: torch.Tensor,
) -> None:
    m, kept = len(space), len(time)
    first = vae.encoder.conv_in.conv
    first.weight[:, :, 2, 1, 1] = space
    first.bias.copy_(-space @ mean)
    mix = vae.encoder.down_blocks[1].downsamplers[0].conv.conv
    both = torch.cat([time, -time])
    mix.weight[: 2 * kept, :, 1, 1, 1] = both[:, : 2 * m]
    mix.weight[: 2 * kept, :, 2, 1, 1] = both[:, 2 * m :]
    mix.weight[:, :, 2, 1, 1] -= torch.eye(2 * m)
    mix.bias[: 2 * kept] = -both @ centre
    mix.bias[2 * kept] = LOUD
    gain = LOUD * (2 / (4 * m)) ** 0.5
    last = vae.encoder.conv_out.conv
    for j in range(kept):
        last.weight[j, 2 * j + 1, 2, 1, 1] = gain
        last.weight[j, 2 * (kept + j) + 1, 2, 1, 1] = -gain
    last.bias[-1] = -12.0  # log-variance: the posterior is a point


def _decoder(
    vae: AutoencoderKLLTX2Video,
    mean: torch.Tensor,
    space: torch.Tensor,
    centre: torch.Tensor,
    time: torch.Tensor,
) -> None:
    m, kept = len(space), len(time)
    decoder = vae.decoder
    for j in range(m):
        decoder.conv_in.conv.weight[j, j, 1, 1, 1] = 1.0
    first = decoder.up_blocks[0].upsamplers[0].conv.conv
    second = decoder.up_blocks[1].upsamplers[0].conv.conv
    index = torch.arange(2 * m)
    for phase in (0, 1):
        rows = slice(phase * 2 * m, (phase + 1) * 2 * m)
        first.weight[index * 2 + phase, :kept, 1, 1, 1] = time[:, rows].T
        first.bias[index * 2 + phase] = centre[rows]
        for c in range(m):
            second.weight[c * 2 + phase, c * 2 + phase, 1, 1, 1] = 1.0
            second.weight[(m + c) * 2 + phase, c * 2 + phase, 1, 1, 1] = -1.0
        second.bias[2 * m * 2 + phase] = LOUD
    width = decoder.conv_out.conv.weight.shape[1]
    gain = LOUD / width**0.5
    decoder.conv_out.conv.weight[:, :m, 1, 1, 1] = space.T * gain
    decoder.conv_out.conv.weight[:, m : 2 * m, 1, 1, 1] = -space.T * gain
    decoder.conv_out.conv.bias.copy_(mean)


@torch.no_grad()
def psnr(vae: AutoencoderKLLTX2Video, clips: torch.Tensor) -> float:
    """Of clips sent through the VAE and back, in dB over a range of 2."""
    back = vae.decode(vae.encode(clips).latent_dist.mode()).sample.clamp(-1, 1)
    return float(-10 * torch.log10(((back - clips) / 2).square().mean()))
