"""The video half of the real classes as plain functions: what pre-training needs and nothing more.

Equal to the classes' own forward with isolated modalities (`difference` measures it), without the audio half, the
masks and the positions that the classes compute anew on every call.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from ltxbuild.model import world
from ltxbuild.model.flow import Size, velocity

Table = tuple[torch.Tensor, torch.Tensor]


def positions(transformer: Any, size: Size) -> Table:
    """Cosines and sines [1, heads, S, D/2] of the video tokens."""
    coords = transformer.rope.prepare_video_coords(
        1, size.frames, size.height, size.width, torch.device("cpu"), fps=world.FPS
    )
    cosines, sines = transformer.rope(coords)
    return cosines, sines


def words(connectors: Any, length: int) -> Table:
    """The same of the text's tokens."""
    cosines, sines = connectors.video_connector.rope(1, length, torch.device("cpu"))
    return cosines, sines


def _rms(x: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def _heads(x: torch.Tensor, count: int) -> torch.Tensor:
    return x.unflatten(2, (count, -1)).transpose(1, 2)


def _turn(x: torch.Tensor, table: Table) -> torch.Tensor:
    cosines, sines = table
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosines - b * sines, b * cosines + a * sines], -1)


def _attention(layer: Any, x: torch.Tensor, context: torch.Tensor, table: Table | None) -> torch.Tensor:
    query = _heads(_rms(layer.to_q(x), layer.norm_q.eps) * layer.norm_q.weight, layer.heads)
    key = _heads(_rms(layer.to_k(context), layer.norm_k.eps) * layer.norm_k.weight, layer.heads)
    value = _heads(layer.to_v(context), layer.heads)
    if table is not None:
        query, key = _turn(query, table), _turn(key, table)
    gates = 2 * torch.sigmoid(layer.to_gate_logits(x))
    mixed = scaled_dot_product_attention(query, key, value).transpose(1, 2) * gates[..., None]
    return layer.to_out[0](mixed.flatten(2))


def _feed(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return layer.net[2](gelu(layer.net[0].proj(x), approximate="tanh"))


def text(connectors: Any, states: torch.Tensor, mask: torch.Tensor, table: Table) -> torch.Tensor:
    """Video features [B, L, D] of stacked hidden states [B, L, H, layers], padded on the left."""
    connector = connectors.video_connector
    length, hidden = states.shape[1:3]
    x = states * torch.rsqrt(states.square().mean(2, keepdim=True) + 1e-6)
    x = x.flatten(2) * mask[..., None]
    width = connectors.video_text_proj_in.out_features
    x = connectors.video_text_proj_in(x * math.sqrt(width / hidden))
    own = mask.sum(1, keepdim=True)
    place = torch.arange(length)[None]
    source = (place + length - own) % length
    x = x.gather(1, source[..., None].expand(-1, -1, width))
    registers = connector.learnable_registers
    fill = registers.repeat(-(-length // len(registers)), 1)[None, :length]
    x = torch.where((place < own)[..., None], x, fill)
    for block in connector.transformer_blocks:
        y = _rms(x, 1e-6)
        x = x + _attention(block.attn1, y, y, table)
        x = x + _feed(block.ff, _rms(x, 1e-6))
    return _rms(x, 1e-6)


def video(
    transformer: Any, tokens: torch.Tensor, sigma: torch.Tensor, features: torch.Tensor, table: Table
) -> torch.Tensor:
    """The velocity [B, S, C] at noise levels `sigma` [B]."""
    count, scaled = len(tokens), sigma * float(transformer.config.timestep_scale_multiplier)
    x = transformer.proj_in(tokens)
    shifts, ends = transformer.time_embed(scaled, batch_size=count, hidden_dtype=x.dtype)
    shifts, ends = shifts.view(count, 1, 9, -1), ends.view(count, 1, -1)
    prompt = transformer.prompt_adaln(scaled, batch_size=count, hidden_dtype=x.dtype)[0].view(count, 1, 2, -1)
    for block in transformer.transformer_blocks:
        a = block.scale_shift_table + shifts
        p = block.prompt_scale_shift_table + prompt
        y = _rms(x, 1e-6) * (1 + a[:, :, 1]) + a[:, :, 0]
        x = x + _attention(block.attn1, y, y, table) * a[:, :, 2]
        y = _rms(x, 1e-6) * (1 + a[:, :, 7]) + a[:, :, 6]
        x = x + _attention(block.attn2, y, features * (1 + p[:, :, 1]) + p[:, :, 0], None) * a[:, :, 8]
        x = x + _feed(block.ff, _rms(x, 1e-6) * (1 + a[:, :, 4]) + a[:, :, 3]) * a[:, :, 5]
    last = transformer.scale_shift_table
    x = layer_norm(x, (x.shape[-1],), eps=1e-6) * (1 + last[1] + ends) + last[0] + ends
    return transformer.proj_out(x)


@torch.no_grad()
def difference(parts: dict[str, Any], length: int = 64) -> float:
    """Largest relative difference between these functions and the real classes, on random input."""
    dice, size = torch.Generator().manual_seed(7), Size(3, 4, 4)
    transformer, connectors = parts["transformer"], parts["connectors"]
    layers = connectors.config.text_proj_in_factor
    states = torch.randn(3, length, connectors.config.caption_channels, layers, generator=dice)
    mask = (torch.arange(length)[None] >= torch.tensor([[length - 9], [0], [length - 1]])).long()
    wanted_text = connectors(states.flatten(2), mask, padding_side="left")[0]
    found_text = text(connectors, states, mask, words(connectors, length))
    tokens = torch.randn(3, size.tokens, transformer.config.in_channels, generator=dice)
    sigma = torch.rand(3, generator=dice)
    wanted = velocity(transformer, tokens, sigma, wanted_text, size, world.FPS)
    found = video(transformer, tokens, sigma, wanted_text, positions(transformer, size))
    pairs = ((found_text, wanted_text), (found, wanted))
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1e-9)) for a, b in pairs)
