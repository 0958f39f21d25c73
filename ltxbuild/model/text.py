"""Text features: what the connectors make of the text encoder's hidden states. Knows no caption's meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Features:
    """Connector outputs [L, D] for video and audio; `tokens` counts the text's own, `truncated` if some did
    not fit.
    """

    video: torch.Tensor
    audio: torch.Tensor
    tokens: int
    truncated: bool


@torch.no_grad()
def encode_text(tokenizer: Any, encoder: Any, connectors: Any, caption: str, length: int) -> Features:
    """Encode one caption, padded on the left to `length` tokens, which is part of the result.

    The stacked states are the embeddings, every layer but the last, and the normed last one. `encoder.model`
    leaves out the head that would turn each position into scores over the vocabulary.
    """
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    text = caption.strip()
    full = len(tokenizer(text, add_special_tokens=True)["input_ids"])
    batch = tokenizer(
        [text],
        padding="max_length",
        max_length=length,
        truncation=True,
        add_special_tokens=True,
        return_tensors="pt",
    )
    device = next(encoder.parameters()).device
    ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
    states = encoder.model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    stacked = torch.stack(states, dim=-1).flatten(2, 3).to(next(connectors.parameters()).dtype)
    video, audio, _ = connectors(stacked, mask, padding_side="left")
    return Features(video[0].cpu(), audio[0].cpu(), full, full > length)
