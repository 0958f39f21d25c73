"""The tiny base's parts: the real classes, every LTX-2.3 option on, in a size that a laptop trains. No training here."""

from __future__ import annotations

import math
from typing import Any

import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    FlowMatchEulerDiscreteScheduler,
    LTX2VideoTransformer3DModel,
)
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2VocoderWithBWE
from tokenizers.processors import TemplateProcessing
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    GemmaTokenizer,
    SiglipVisionConfig,
)

from ltxbuild.model import world

WIDTH, HEADS, LAYERS = 192, 6, 5
AUDIO_WIDTH = 4 * HEADS
HIDDEN, TEXT_LAYERS, VOCABULARY = 64, 2, 2048
CHANNELS, SPATIAL, TEMPORAL = 64, 16, 4
LENGTH, REGISTERS = 64, 16
MEL, AUDIO_LATENTS = 16, 2

COMMON = (
    "a an as the of and in on over under at by with from to into through near behind before after is are that which who "
    "its his her their this one two three many some other same new old small large big long short high low young dark "
    "light bright soft warm cold fast slow man woman girl boy child person people face hand hair eye eyes head body "
    "dress coat scarf hat shirt dog cat bird horse animal car road street city house room door window wall table tree "
    "trees forest grass meadow flower flowers leaf leaves hill hills mountain river creek water sea beach sky cloud "
    "clouds sun moon night day morning evening rain snow wind fire light shadow camera shot view close wide slowly "
    "quickly walks runs stands sits turns looks smiles laughs talks flies moves stays still left right up down grows "
    "opens closes pans scene video film style look place world shape object motion movement background plain striped "
    "checkered dotted stripe red green blue yellow magenta cyan orange white black gray navy teal brown olive pink "
    "purple gold silver circle square triangle star ring cross"
)


def transformer() -> LTX2VideoTransformer3DModel:
    """Starts as a model that predicts zero: gates half open, no modulation, no output."""
    model = LTX2VideoTransformer3DModel(
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        patch_size=1,
        patch_size_t=1,
        num_attention_heads=HEADS,
        attention_head_dim=WIDTH // HEADS,
        cross_attention_dim=WIDTH,
        vae_scale_factors=(TEMPORAL, SPATIAL, SPATIAL),
        pos_embed_max_pos=1,
        base_height=64,
        base_width=64,
        gated_attn=True,
        cross_attn_mod=True,
        audio_in_channels=AUDIO_LATENTS * MEL // 4,
        audio_out_channels=AUDIO_LATENTS * MEL // 4,
        audio_num_attention_heads=HEADS,
        audio_attention_head_dim=AUDIO_WIDTH // HEADS,
        audio_cross_attention_dim=AUDIO_WIDTH,
        audio_gated_attn=True,
        audio_cross_attn_mod=True,
        num_layers=LAYERS,
        caption_channels=HIDDEN,
        rope_theta=6.0,
        rope_double_precision=True,
        cross_attn_timestep_scale_multiplier=1000,
        rope_type="split",
        use_prompt_embeddings=False,
        perturbed_attn=True,
    )
    with torch.no_grad():
        for block in model.transformer_blocks:
            block.scale_shift_table.zero_()
            block.scale_shift_table[[2, 5, 8]] = 0.5
            block.prompt_scale_shift_table.zero_()
            block.audio_to_video_attn.to_out[0].weight.zero_()
            block.audio_to_video_attn.to_out[0].bias.zero_()
            for layer in (block.attn1.to_out[0], block.attn2.to_out[0], block.ff.net[2]):
                layer.weight.mul_(1 / math.sqrt(2 * LAYERS))
                layer.bias.zero_()
        for embedding in (model.time_embed, model.prompt_adaln):
            embedding.linear.weight.zero_()
            embedding.linear.bias.zero_()
        model.scale_shift_table.zero_()
        model.proj_out.weight.zero_()
        model.proj_out.bias.zero_()
    return model


def connectors() -> LTX2TextConnectors:
    """One layer each, with registers in the padding."""
    return LTX2TextConnectors(
        caption_channels=HIDDEN,
        text_proj_in_factor=TEXT_LAYERS + 1,
        video_connector_num_attention_heads=HEADS,
        video_connector_attention_head_dim=WIDTH // HEADS,
        video_connector_num_layers=1,
        video_connector_num_learnable_registers=REGISTERS,
        video_gated_attn=True,
        audio_connector_num_attention_heads=HEADS,
        audio_connector_attention_head_dim=AUDIO_WIDTH // HEADS,
        audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=REGISTERS,
        audio_gated_attn=True,
        connector_rope_base_seq_len=LENGTH,
        rope_theta=40.0,
        rope_double_precision=True,
        causal_temporal_positioning=False,
        rope_type="split",
        per_modality_projections=True,
        video_hidden_dim=WIDTH,
        audio_hidden_dim=AUDIO_WIDTH,
        proj_bias=True,
    )


def audio_vae() -> AutoencoderKLLTX2Audio:
    """Valid, not trained: the pipelines need one."""
    return AutoencoderKLLTX2Audio(
        base_channels=AUDIO_LATENTS * MEL // 4,
        output_channels=2,
        ch_mult=(1, 1, 1),
        num_res_blocks=1,
        in_channels=2,
        resolution=32,
        latent_channels=AUDIO_LATENTS,
        norm_type="pixel",
        causality_axis="height",
        sample_rate=16000,
        mel_hop_length=160,
        is_causal=True,
        mel_bins=MEL,
        double_z=True,
    )


def vocoder() -> LTX2VocoderWithBWE:
    """Valid, not trained."""
    return LTX2VocoderWithBWE(
        in_channels=2 * MEL,
        hidden_channels=32,
        upsample_kernel_sizes=[11, 8, 8],  # less its factor each is even, or lengths would not match
        upsample_factors=[5, 8, 4],
        resnet_kernel_sizes=[3],
        resnet_dilations=[[1]],
        bwe_in_channels=2 * MEL,
        bwe_hidden_channels=32,
        bwe_upsample_kernel_sizes=[12, 11, 8],
        bwe_upsample_factors=[6, 5, 8],
        bwe_resnet_kernel_sizes=[3],
        bwe_resnet_dilations=[[1]],
        filter_length=256,
        hop_length=80,
        window_length=256,
        num_mel_channels=MEL,
    )


def text_encoder() -> Gemma3ForConditionalGeneration:
    """A frozen random Gemma 3: its embeddings are wide enough that layers see which word stands where."""
    config = Gemma3Config(
        text_config=Gemma3TextConfig(
            vocab_size=VOCABULARY,
            hidden_size=HIDDEN,
            intermediate_size=128,
            num_hidden_layers=TEXT_LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            query_pre_attn_scalar=16,
            sliding_window=64,
            max_position_embeddings=256,
        ).to_dict(),
        vision_config=SiglipVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=28,
            patch_size=14,
        ).to_dict(),
        mm_tokens_per_image=4,
        boi_token_index=VOCABULARY - 3,
        eoi_token_index=VOCABULARY - 2,
        image_token_index=VOCABULARY - 1,
    )
    model = Gemma3ForConditionalGeneration(config).eval()
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(6.0)
    return model.requires_grad_(False)


def tokenizer() -> GemmaTokenizer:
    """Whole words of the world and of everyday captions, pieces of all others, bytes as the last resort."""
    words = [*COMMON.split(), *world.COLOURS, *world.SHAPES, *world.BACKGROUNDS, *world.TEXTURES]
    vocabulary = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4}
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    for sign in "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'\"-:;()_":
        vocabulary.setdefault(sign, len(vocabulary))
    merges: dict[tuple[str, str], None] = {}
    starts = [
        *world.COLOURS,
        *world.SHAPES,
        "shape",
        "small",
        "large",
        "over",
    ]  # no space stands before these
    for word in dict.fromkeys(["▁" + w for w in words] + ["_char"] + starts):
        for end in range(2, len(word) + 1):  # every prefix of a known word is a token
            merges.setdefault((word[: end - 1], word[end - 1]))
            vocabulary.setdefault(word[:end], len(vocabulary))
    assert len(vocabulary) < VOCABULARY - 3, len(vocabulary)
    made = GemmaTokenizer(vocab=vocabulary, merges=list(merges), model_max_length=LENGTH)
    made.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", 2)]
    )
    made.padding_side = "left"
    return made


def scheduler() -> FlowMatchEulerDiscreteScheduler:
    """LTX-2.3's dev schedule."""
    return FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        base_shift=0.95,
        max_shift=2.05,
        base_image_seq_len=1024,
        max_image_seq_len=4096,
        shift_terminal=0.1,
    )


def parts(seed: int = 0) -> dict[str, Any]:
    """Every part but the video VAE, from one seed."""
    makers = {
        "transformer": transformer,
        "connectors": connectors,
        "audio_vae": audio_vae,
        "vocoder": vocoder,
        "text_encoder": text_encoder,
        "tokenizer": tokenizer,
        "scheduler": scheduler,
    }
    made = {}
    for number, (name, make) in enumerate(makers.items()):
        torch.manual_seed(seed + number)
        made[name] = make()
    return made
