"""Small random parts of the real classes with every option of LTX-2.3 on, and a base that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LTX2VideoTransformer3DModel

from ltxbuild.model import residence, tensor_file
from tests.fake_job import as_file

CHANNELS, WIDTH, AUDIO, LENGTH = 8, 32, 16, 16

TRANSFORMER: dict[str, Any] = {
    "in_channels": CHANNELS,
    "out_channels": CHANNELS,
    "num_attention_heads": 2,
    "attention_head_dim": WIDTH // 2,
    "cross_attention_dim": WIDTH,
    "vae_scale_factors": (4, 16, 16),
    "pos_embed_max_pos": 1,
    "base_height": 64,
    "base_width": 64,
    "gated_attn": True,
    "cross_attn_mod": True,
    "audio_in_channels": 8,
    "audio_out_channels": 8,
    "audio_num_attention_heads": 2,
    "audio_attention_head_dim": AUDIO // 2,
    "audio_cross_attention_dim": AUDIO,
    "audio_gated_attn": True,
    "audio_cross_attn_mod": True,
    "num_layers": 2,
    "caption_channels": 24,
    "rope_theta": 6.0,
    "rope_type": "split",
    "use_prompt_embeddings": False,
    "perturbed_attn": True,
}

SCHEDULER = {
    "use_dynamic_shifting": True,
    "base_shift": 0.95,
    "max_shift": 2.05,
    "base_image_seq_len": 1024,
    "max_image_seq_len": 4096,
    "shift_terminal": 0.1,
}


def make_transformer(seed: int = 0, **changes: Any) -> Any:
    """A random transformer in which every part has an effect that can be measured."""
    torch.manual_seed(seed)
    model = LTX2VideoTransformer3DModel(**{**TRANSFORMER, **changes})
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "scale_shift_table" in name:
                parameter.normal_(std=0.3)
    return model.eval().requires_grad_(False)


class FakeBase:
    """An open base that is in memory already."""

    def __init__(self, **parts: Any) -> None:
        self.parts = parts

    def transformer(self) -> Any:
        return self.parts["transformer"]

    def vae(self) -> Any:
        return self.parts["vae"]

    def connectors(self) -> Any:
        return self.parts["connectors"]

    def text_encoder(self) -> Any:
        return self.parts["text_encoder"]

    def tokenizer(self) -> Any:
        return self.parts["tokenizer"]

    def scheduler_config(self) -> dict[str, Any]:
        return dict(SCHEDULER)

    def release(self, part: str) -> None:
        self.parts.pop(part, None)


def install(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> dict[str, Any]:
    """Make `parts` the resident base and return the context that names it."""
    monkeypatch.setattr(residence, "_open", {("/base", "cpu", "fp32"): FakeBase(**parts)})
    return {"base": "/base", "device": "cpu", "checkpointing": False}


def member_files(
    folder: Path, seed: int, windows: int = 1, size: tuple[int, int, int] = (3, 2, 2)
) -> dict[str, Any]:
    """Latents and features of a clip that nobody ever saw."""
    dice = torch.Generator().manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    latents = {f"window_{i:03d}": torch.randn((CHANNELS, *size), generator=dice) for i in range(windows)}
    tensor_file.save(folder / "latents", latents, {"fps": "24.0"})
    files = {"latents": as_file(folder / "latents")}
    for name in ("text", "plain"):
        video = torch.randn((LENGTH, WIDTH), generator=dice)
        tensor_file.save(folder / name, {"video": video, "audio": torch.zeros(LENGTH, AUDIO)})
        files[name] = as_file(folder / name)
    return files
