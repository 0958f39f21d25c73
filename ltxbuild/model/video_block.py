"""A block of the transformer that has no audio half. Knows no weights and no training.

diffusers' own computes the modulation of a sound that nothing hears: 133 of a block's 709 calls in a step of training.
"""

from __future__ import annotations

import inspect
from types import MethodType
from typing import Any

from torch import Tensor


def compute_video_alone(block: Any) -> None:
    """Have a block compute its video alone, bit for bit what diffusers' block makes of it with isolated modalities.

    Only for a model whose text attention is modulated (`cross_attn_mod`), as LTX-2.3's is.
    """
    assert block.video_cross_attn_adaln, (
        "a family without modulated text attention needs a forward pass of its own"
    )
    names = list(inspect.signature(type(block).forward).parameters)[1:]

    def forward(self: Any, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        given = dict(zip(names, args, strict=False), **kwargs)
        assert not given["use_a2v_cross_attention"], "a model without its audio half was given sound"
        return _video(self, given), given["audio_hidden_states"]

    block.forward = MethodType(forward, block)


def _video(block: Any, given: dict[str, Any]) -> Tensor:
    """The block's video tokens [B, S, D]: self-attention, attention to the text, and feed-forward, each modulated."""
    x: Tensor = given["hidden_states"]
    parts = block.get_mod_params(block.scale_shift_table, given["temb"], len(x))
    shift, scale, gate, shift_ff, scale_ff, gate_ff, shift_text, scale_text, gate_text = parts
    attended = block.attn1(
        hidden_states=block.norm1(x) * (1 + scale) + shift,
        encoder_hidden_states=None,
        query_rotary_emb=given["video_rotary_emb"],
        attention_mask=given.get("self_attention_mask"),
    )
    x = x + attended * gate
    text_shift, text_scale = block.get_mod_params(
        block.prompt_scale_shift_table, given["temb_prompt"], len(x)
    )
    attended = block.attn2(
        block.norm2(x) * (1 + scale_text) + shift_text,
        encoder_hidden_states=given["encoder_hidden_states"] * (1 + text_scale) + text_shift,
        query_rotary_emb=None,
        attention_mask=given.get("encoder_attention_mask"),
    )
    x = x + attended * gate_text
    made: Tensor = x + block.ff(block.norm3(x) * (1 + scale_ff) + shift_ff) * gate_ff
    return made
