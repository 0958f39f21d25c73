"""The tiny base's video VAE: the real class with weights that are computed, not trained.

Principal component analyses, of 8x8 patches, of 2x2 groups of them, of pairs of frames and of pairs of pairs, are
written into the convolutions. Two tricks make the class linear: a constant channel far louder than the others makes
RMSNorm a constant factor so small that SiLU is half its argument, and a sampler is a convolution with a lossless
rearrangement. A convolution does the same at every place, so what concerns a group is computed at each member of it
and read at the one that sees the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLLTX2Video

PATCH = 8
LOUD = 60_000.0  # the constant channel; features reach about 30, and SiLU bends by half their ratio to it


def empty(channels: int) -> AutoencoderKLLTX2Video:
    """The class without resnets, so that only samplers and the outer convolutions hold weights; all zero."""
    width = channels + 1
    vae = AutoencoderKLLTX2Video(
        in_channels=3,
        out_channels=3,
        latent_channels=channels,
        block_out_channels=(4 * channels, 2 * channels, 2 * channels),
        down_block_types=("LTX2VideoDownBlock3D",) * 3,
        decoder_block_out_channels=(width, width, width),
        layers_per_block=(0, 0, 0, 0),
        decoder_layers_per_block=(0, 0, 0, 0),
        spatio_temporal_scaling=(True, True, True),
        decoder_spatio_temporal_scaling=(True, True, True),
        decoder_inject_noise=(False,) * 4,
        downsample_type=("spatial", "temporal", "temporal"),
        upsample_type=("temporal", "temporal", "spatial"),
        upsample_residual=(False, False, False),
        upsample_factor=(1, 1, 1),
        timestep_conditioning=False,
        patch_size=PATCH,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
        spatial_compression_ratio=2 * PATCH,
        temporal_compression_ratio=4,
    )
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.zero_()
    return vae


def patches(clips: torch.Tensor) -> torch.Tensor:
    """[B, 3, F, H, W] -> [B, F, H/8, W/8, 3*8*8] in the order of the class's own patchify."""
    b, c, f, h, w = clips.shape
    cut = clips.reshape(b, c, f, h // PATCH, PATCH, w // PATCH, PATCH)
    return cut.permute(0, 2, 3, 5, 1, 6, 4).flatten(4)


def squares(features: torch.Tensor) -> torch.Tensor:
    """[B, F, h, w, M] -> [B, F, h/2, w/2, 4 M], rows of a group first."""
    b, f, h, w, m = features.shape
    cut = features.reshape(b, f, h // 2, 2, w // 2, 2, m)
    return cut.permute(0, 1, 2, 4, 3, 5, 6).flatten(4)


def pairs(features: torch.Tensor) -> torch.Tensor:
    """[B, 2 n + 1, h, w, M] -> [B, n + 1, h, w, 2 M]; the first frame makes a pair with itself."""
    b, f, h, w, m = features.shape
    cut = torch.cat([features[:, :1], features], 1).reshape(b, f // 2 + 1, 2, h, w, m)
    return cut.permute(0, 1, 3, 4, 2, 5).flatten(4)


def components(rows: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [D] and the `count` largest principal components [count, D] of rows [..., D], signs fixed."""
    flat = rows.flatten(0, -2)
    mean = flat.mean(0)
    centred = (flat - mean).double()
    vectors = torch.linalg.eigh(centred.T @ centred / len(flat))[1][:, -count:].flip(1).T
    signs = torch.sign(vectors.gather(1, vectors.abs().argmax(1, keepdim=True)))
    return mean, (vectors * signs).float()


GROUPS = (patches, squares, pairs, pairs)


@dataclass(frozen=True)
class Projection:
    """Mean [D] and components [M, D] of each of `GROUPS`: D is 192, 4 M, 2 M and 2 M."""

    levels: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @torch.no_grad()
    def encode(self, clips: torch.Tensor) -> torch.Tensor:
        """Latents [B, K + 1, f, h, w] of [B, 3, F, H, W], not normalised, as the class makes them; far faster."""
        x = clips
        for group, (mean, vectors) in zip(GROUPS, self.levels, strict=True):
            x = (group(x) - mean) @ vectors.T
        z = x.permute(0, 4, 1, 2, 3)
        return torch.cat([z, torch.zeros_like(z[:, :1])], 1)


@torch.no_grad()
def analyse(channels: int, clips: torch.Tensor) -> Projection:
    """The analyses of `clips` [B, 3, F, H, W] in [-1, 1]; the last channel stays free for the class's tricks."""
    x, levels = clips, []
    for number, group in enumerate(GROUPS, 1):
        grouped = group(x)
        mean, vectors = components(grouped, channels - 1 if number == len(GROUPS) else channels)
        levels.append((mean, vectors))
        x = (grouped - mean) @ vectors.T
    return Projection(tuple(levels))


@torch.no_grad()
def read(vae: AutoencoderKLLTX2Video) -> Projection:
    """The projection that a VAE of `build` computes, from the weights of its decoder."""
    m, decoder = vae.config.latent_channels, vae.decoder
    first, second, third = (block.upsamplers[0].conv.conv for block in decoder.up_blocks)
    patch = decoder.conv_out.conv.weight[:, :m, 1, 1, 1].T * ((m + 1) ** 0.5 / (2 * LOUD))
    levels = [(decoder.conv_out.conv.bias, patch)]
    for layer, members, kept in ((third, 4, m), (second, 2, m), (first, 2, m - 1)):
        rows = torch.cat([torch.arange(m) * members + member for member in range(members)])
        levels.append((layer.bias[rows], layer.weight[rows, :kept, 1, 1, 1].T))
    return Projection(tuple((mean.float().clone(), vectors.float().clone()) for mean, vectors in levels))


@torch.no_grad()
def build(projection: Projection) -> AutoencoderKLLTX2Video:
    """The class with the weights that compute `projection` and its inverse; `normalise` sets its statistics."""
    vae = empty(len(projection.levels[0][1]))
    _encoder(vae.encoder, projection.levels)
    _decoder(vae.decoder, projection.levels)
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


Levels = tuple[tuple[torch.Tensor, torch.Tensor], ...]


def _encoder(encoder: torch.nn.Module, levels: Levels) -> None:
    (patch_mean, patch), (square_mean, square), *times = levels
    m = len(patch)
    samplers = [block.downsamplers[0].conv.conv for block in encoder.down_blocks]
    encoder.conv_in.conv.weight[:, :, 2, 1, 1] = patch
    encoder.conv_in.conv.bias.copy_(-patch @ patch_mean)
    # Read at the first of four patches: channel 4 c is component c. The residual there is the patch itself.
    for place in range(4):
        part = square[:, place * m : (place + 1) * m]
        samplers[0].weight[:, :, 2, 1 + place // 2, 1 + place % 2] = part
    samplers[0].weight[:, :, 2, 1, 1] -= torch.eye(m)
    samplers[0].bias.copy_(-square @ square_mean)
    # Read at the later of two frames: channel 2 c + 1 is component c.
    for sampler, (mean, time), read in zip(samplers[1:], times, (torch.arange(m) * 4, _odd(m)), strict=True):
        for frame in (0, 1):
            sampler.weight[: len(time), read, 1 + frame, 1, 1] = time[:, frame * m : (frame + 1) * m]
        sampler.bias[: len(time)] = -time @ mean
        _forget_residual(sampler.weight)
    kept = len(times[-1][1])
    samplers[-1].bias[kept] = LOUD  # at both frames
    gain = 2 * LOUD * (2 / (2 * m)) ** 0.5
    encoder.conv_out.conv.weight[torch.arange(kept), _odd(kept), 2, 1, 1] = gain
    encoder.conv_out.conv.bias[-1] = -12.0  # log-variance: the posterior is a point


def _odd(count: int) -> torch.Tensor:
    return torch.arange(count) * 2 + 1


def _forget_residual(weight: torch.Tensor) -> None:
    """Take off what the residual of a temporal downsampler adds at the later frame.

    Its output c there is the mean of as many neighbours in (channel, frame) as there are inputs for an output.
    """
    computed, inputs = weight.shape[:2]
    size = inputs // computed
    for row in range(computed):
        for member in range((2 * row + 1) * size, (2 * row + 2) * size):
            weight[row, member // 2, 1 + member % 2, 1, 1] -= 1 / size


def _decoder(decoder: torch.nn.Module, levels: Levels) -> None:
    (patch_mean, patch), square, pair, whole = levels
    m, kept = len(patch), len(whole[1])
    decoder.conv_in.conv.weight[torch.arange(kept), torch.arange(kept), 1, 1, 1] = 1.0
    samplers = [block.upsamplers[0].conv.conv for block in decoder.up_blocks]
    for sampler, (mean, vectors), members in zip(samplers, (whole, pair, square), (2, 2, 4), strict=True):
        for member in range(members):
            rows, part = torch.arange(m) * members + member, slice(member * m, (member + 1) * m)
            sampler.weight[rows, : len(vectors), 1, 1, 1] = vectors[:, part].T
            sampler.bias[rows] = mean[part]
    samplers[-1].bias[4 * m :] = LOUD
    decoder.conv_out.conv.weight[:, :m, 1, 1, 1] = patch.T * (2 * LOUD / (m + 1) ** 0.5)
    decoder.conv_out.conv.bias.copy_(patch_mean)


@torch.no_grad()
def psnr(vae: AutoencoderKLLTX2Video, clips: torch.Tensor) -> float:
    """Of clips sent through the VAE and back, in dB over a range of 2."""
    back = vae.decode(vae.encode(clips).latent_dist.mode()).sample.clamp(-1, 1)
    return float(-10 * torch.log10(((back - clips) / 2).square().mean()))
