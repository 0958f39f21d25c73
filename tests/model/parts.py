"""Small random parts of the real classes with every option of LTX-2.3 on, and a base that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LTX2VideoTransformer3DModel

from ltxbuild.model import residence, tensor_file
from ltxbuild.model.device import Place
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

    def audio_vae(self) -> Any:
        return self.parts["audio_vae"]

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


def install(
    monkeypatch: pytest.MonkeyPatch, device: str = "cpu", precision: str = "fp32", **parts: Any
) -> dict[str, Any]:
    """Make `parts` the resident base and return the context that names it."""
    monkeypatch.setattr(residence, "_open", {Place(Path("/base"), device, precision): FakeBase(**parts)})
    return {"base": "/base", "device": device, "checkpointing": False}


def member_files(
    folder: Path,
    seed: int,
    windows: int = 1,
    size: tuple[int, int, int] = (3, 2, 2),
    width: int = WIDTH,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """Latents and features, `width` wide and in the weights' format, of a clip that nobody ever saw."""
    dice = torch.Generator().manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    latents = {f"window_{i:03d}": torch.randn((CHANNELS, *size), generator=dice) for i in range(windows)}
    tensor_file.save(folder / "latents", latents, {"fps": "24.0"})
    files = {"latents": as_file(folder / "latents")}
    for name in ("text", "plain"):
        video = torch.randn((LENGTH, width), generator=dice).to(dtype)
        tensor_file.save(folder / name, {"video": video, "audio": torch.zeros(LENGTH, AUDIO)})
        files[name] = as_file(folder / name)
    return files


def make_vae() -> Any:
    """A random video VAE of 16x16x4 compression with statistics that are not trivial."""
    from diffusers import AutoencoderKLLTX2Video

    torch.manual_seed(1)
    vae = AutoencoderKLLTX2Video(
        latent_channels=CHANNELS,
        block_out_channels=(8, 16),
        down_block_types=("LTX2VideoDownBlock3D",) * 2,
        decoder_block_out_channels=(16, 16),
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
        patch_size=16,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
        spatial_compression_ratio=16,
        temporal_compression_ratio=4,
    )
    vae.latents_mean.copy_(torch.linspace(-1, 1, CHANNELS))
    vae.latents_std.copy_(torch.linspace(0.5, 2, CHANNELS))
    return vae.eval().requires_grad_(False)


def make_audio_vae() -> Any:
    """A random audio VAE whose latents are the transformer's 8 numbers wide: 2 channels of 4 bins."""
    from diffusers import AutoencoderKLLTX2Audio

    torch.manual_seed(3)
    vae = AutoencoderKLLTX2Audio(
        base_channels=8, ch_mult=(1, 1, 1), num_res_blocks=1, resolution=32, latent_channels=2, mel_bins=16
    )
    vae.latents_mean.copy_(torch.linspace(-1, 1, 8))
    vae.latents_std.copy_(torch.linspace(0.5, 2, 8))
    return vae.eval().requires_grad_(False)


def make_text() -> tuple[Any, Any, Any]:
    """A random Gemma 3, its tokenizer of single letters, and connectors with registers."""
    from diffusers.pipelines.ltx2 import LTX2TextConnectors
    from tokenizers.processors import TemplateProcessing
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3TextConfig,
        GemmaTokenizer,
        SiglipVisionConfig,
    )

    names = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{b:02X}>" for b in range(256))]
    vocabulary = {name: i for i, name in enumerate([*names, "▁", *"abcdefghijklmnopqrstuvwxyz_,."])}
    tokenizer = GemmaTokenizer(vocab=vocabulary, merges=[], model_max_length=LENGTH)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", 2)]
    )
    torch.manual_seed(2)
    words = Gemma3TextConfig(
        vocab_size=320,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=12,
        query_pre_attn_scalar=12,
        sliding_window=32,
        max_position_embeddings=64,
    )
    sight = SiglipVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
    )
    encoder = Gemma3ForConditionalGeneration(
        Gemma3Config(
            text_config=words.to_dict(),
            vision_config=sight.to_dict(),
            mm_tokens_per_image=4,
            boi_token_index=317,
            eoi_token_index=318,
            image_token_index=319,
        )
    )
    half = {
        "attention_head_dim": WIDTH // 2,
        "num_layers": 1,
        "num_attention_heads": 2,
        "num_learnable_registers": 8,
    }
    small = {**half, "attention_head_dim": AUDIO // 2}
    connectors = LTX2TextConnectors(
        caption_channels=24,
        text_proj_in_factor=3,
        **{f"video_connector_{name}": value for name, value in half.items()},
        **{f"audio_connector_{name}": value for name, value in small.items()},
        video_gated_attn=True,
        audio_gated_attn=True,
        connector_rope_base_seq_len=16,
        rope_theta=10.0,
        rope_double_precision=True,
        causal_temporal_positioning=False,
        rope_type="split",
        per_modality_projections=True,
        video_hidden_dim=WIDTH,
        audio_hidden_dim=AUDIO,
        proj_bias=True,
    )
    return tokenizer, encoder.eval().requires_grad_(False), connectors.eval().requires_grad_(False)
