"""The video VAE's lists of blocks, as LTX's own files state them, in diffusers' options. Knows no file.

Source: the official implementation (ltx-core), which builds encoder and decoder from these lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_KINDS = {"compress_space": "spatial", "compress_time": "temporal", "compress_all": "spatiotemporal"}


def block_options(config: Mapping[str, Any], latent_channels: int) -> dict[str, Any]:
    """Options of `AutoencoderKLLTX2Video` for a file's `vae` table.

    Raises ValueError for blocks that diffusers' class does not have: other than residual ones and
    compressions in turn, beginning and ending with a residual one.
    """
    found = {
        **_encoder(_pairs(config["encoder_blocks"]), latent_channels),
        **_decoder(_pairs(config["decoder_blocks"]), int(config.get("decoder_base_channels", 128)) * 8),
    }
    kinds = found["downsample_type"]
    space, time = (
        2 ** sum(kind in (own, "spatiotemporal") for kind in kinds) for own in ("spatial", "temporal")
    )
    return {
        **found,
        "spatial_compression_ratio": space * int(config.get("patch_size", 4)),
        "temporal_compression_ratio": time,
    }


def _pairs(blocks: Sequence[Any]) -> list[tuple[str, dict[str, Any]]]:
    """(name, settings) of each block; a bare number counts residual layers."""
    pairs = [(name, {"num_layers": more} if isinstance(more, int) else dict(more)) for name, more in blocks]
    if len(pairs) % 2 == 0 or any((name == "res_x") == bool(i % 2) for i, (name, _) in enumerate(pairs)):
        raise ValueError("its VAE has an order of blocks that is not LTX-2.3's")
    return pairs


def _encoder(blocks: list[tuple[str, dict[str, Any]]], channels: int) -> dict[str, Any]:
    widths = []
    for _, more in blocks[1::2]:
        channels *= int(more.get("multiplier", 2))
        widths.append(channels)
    return {
        "block_out_channels": widths,
        "down_block_types": ["LTX2VideoDownBlock3D"] * len(widths),
        "layers_per_block": [int(more["num_layers"]) for _, more in blocks[::2]],
        "downsample_type": [
            _kind(name.removesuffix("_res"), name.endswith("_res")) for name, _ in blocks[1::2]
        ],
        "spatio_temporal_scaling": [True] * len(widths),
    }


def _decoder(blocks: list[tuple[str, dict[str, Any]]], channels: int) -> dict[str, Any]:
    # Both the file and diffusers count from the picture to the latents and build the other way round, except for the
    # kinds of upsampling, which diffusers takes in the order in which they work.
    factors = [int(more.get("multiplier", 1)) for _, more in blocks[1::2]]
    widths = []
    for factor in reversed(factors):
        widths.append(channels)
        channels //= factor
    return {
        "decoder_block_out_channels": widths[::-1],
        "decoder_layers_per_block": [int(more["num_layers"]) for _, more in blocks[::2]],
        "decoder_inject_noise": [bool(more.get("inject_noise", False)) for _, more in blocks[::2]],
        "decoder_spatio_temporal_scaling": [True] * len(widths),
        "upsample_type": [_kind(name, True) for name, _ in reversed(blocks[1::2])],
        "upsample_residual": [bool(more.get("residual", False)) for _, more in blocks[1::2]],
        "upsample_factor": factors,
    }


def _kind(name: str, known: bool) -> str:
    if not known or name not in _KINDS:
        raise ValueError(f"its VAE has blocks of a kind that LTX-2.3 has not: {name}")
    return _KINDS[name]
