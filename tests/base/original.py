"""Writes the tiny base as one file in the layout that LTX itself publishes: names and configuration as ltx-core has them.

Written the other way round than the package reads it, so that a wrong name in its tables does not cancel out.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLLTX2Video, LTX2VideoTransformer3DModel
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from safetensors.torch import load_file, save_file

from ltxbuild.project.card import BASES

TINY = BASES / "tiny"
MODEL = "model.diffusion_model."

# A VAE of four stages, as LTX-2.3 has, that compresses as the tiny base's: 16 in space, 4 in time.
VAE_BLOCKS: dict[str, Any] = {
    "encoder_blocks": [
        ["res_x", {"num_layers": 1}], ["compress_space_res", {"multiplier": 1}],
        ["res_x", {"num_layers": 0}], ["compress_time_res", {"multiplier": 2}],
        ["res_x", {"num_layers": 1}], ["compress_time_res", {"multiplier": 1}],
        ["res_x", {"num_layers": 0}], ["compress_space_res", {"multiplier": 1}],
        ["res_x", {"num_layers": 2}],
    ],
    "decoder_blocks": [
        ["res_x", {"num_layers": 1}], ["compress_space", {"multiplier": 2}],
        ["res_x", {"num_layers": 2}], ["compress_time", {"multiplier": 1}],
        ["res_x", {"num_layers": 1}], ["compress_time", {"multiplier": 2}],
        ["res_x", {"num_layers": 0}], ["compress_space", {"multiplier": 1}],
        ["res_x", {"num_layers": 1}],
    ],
}  # fmt: skip
VAE: dict[str, Any] = {
    "dims": 3,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 64,
    "patch_size": 4,
    "norm_layer": "pixel_norm",
    "latent_log_var": "uniform",
    "spatial_padding_mode": "zeros",
    "causal_decoder": False,
    "timestep_conditioning": False,
    "decoder_base_channels": 8,
    **VAE_BLOCKS,
}


def make_vae() -> Any:
    """The class of diffusers with the options that VAE means, written out by hand; random weights."""
    torch.manual_seed(5)
    vae = AutoencoderKLLTX2Video(
        latent_channels=64,
        block_out_channels=(64, 128, 128, 128),
        layers_per_block=(1, 0, 1, 0, 2),
        downsample_type=("spatial", "temporal", "temporal", "spatial"),
        spatio_temporal_scaling=(True, True, True, True),
        decoder_block_out_channels=(32, 32, 64, 64),
        decoder_layers_per_block=(1, 2, 1, 0, 1),
        decoder_spatio_temporal_scaling=(True, True, True, True),
        decoder_inject_noise=(False, False, False, False, False),
        upsample_type=("spatial", "temporal", "temporal", "spatial"),
        upsample_residual=(False, False, False, False),
        upsample_factor=(2, 1, 2, 1),
        decoder_causal=False,
        decoder_spatial_padding_mode="zeros",
        spatial_compression_ratio=16,
        temporal_compression_ratio=4,
    )
    vae.latents_mean.copy_(torch.randn(64) * 0.1)
    vae.latents_std.copy_(torch.rand(64) + 0.5)
    return vae.eval()


def transformer_name(name: str) -> str:
    """What LTX calls a tensor of diffusers' transformer."""
    top, _, rest = name.partition(".")
    modulation = {
        "proj_in": "patchify_proj",
        "audio_proj_in": "audio_patchify_proj",
        "time_embed": "adaln_single",
        "audio_time_embed": "audio_adaln_single",
        "prompt_adaln": "prompt_adaln_single",
        "audio_prompt_adaln": "audio_prompt_adaln_single",
        "av_cross_attn_video_scale_shift": "av_ca_video_scale_shift_adaln_single",
        "av_cross_attn_audio_scale_shift": "av_ca_audio_scale_shift_adaln_single",
        "av_cross_attn_video_a2v_gate": "av_ca_a2v_gate_adaln_single",
        "av_cross_attn_audio_v2a_gate": "av_ca_v2a_gate_adaln_single",
    }
    if top in modulation:
        return f"{modulation[top]}.{rest}"
    for kind in ("video", "audio"):
        name = name.replace(f"{kind}_a2v_cross_attn_scale_shift_table", f"scale_shift_table_a2v_ca_{kind}")
    return name.replace("norm_q", "q_norm").replace("norm_k", "k_norm")


def connectors_name(name: str) -> str:
    """What LTX calls a tensor of diffusers' connectors, with its prefix."""
    kind, _, rest = name.partition("_")
    if rest.startswith("text_proj_in."):
        return f"text_embedding_projection.{kind}_aggregate_embed.{rest.removeprefix('text_proj_in.')}"
    rest = rest.removeprefix("connector.").replace("transformer_blocks", "transformer_1d_blocks")
    rest = rest.replace("norm_q", "q_norm").replace("norm_k", "k_norm")
    return f"{MODEL}{kind}_embeddings_connector.{rest}"


def vae_name(name: str) -> str:
    """What LTX calls a tensor of diffusers' VAE."""
    if name.startswith("latents_"):
        return f"per_channel_statistics.{name.removeprefix('latents_')}-of-means"
    name = name.replace("resnets", "res_blocks")
    if "mid_block" in name:
        half, rest = name.split(".mid_block.")
        return f"{half}.{'down_blocks.8' if half == 'encoder' else 'up_blocks.0'}.{rest}"

    def flat(match: re.Match[str]) -> str:
        number, sampler = int(match[2]), match[3] is not None
        up = match[1] == "up"
        return f"{match[1]}_blocks.{2 * number + (not sampler if up else sampler) + up}."

    return re.sub(
        r"(?<=coder\.)(down|up)_blocks\.(\d)\.(?!\d)((?:down|up)samplers\.0\.)?", flat, name, count=1
    )


def configuration() -> dict[str, Any]:
    """The tiny base's options by the names of LTX's own files."""
    model = json.loads((TINY / "transformer" / "config.json").read_text())
    text = json.loads((TINY / "connectors" / "config.json").read_text())
    same = (
        *("in_channels", "out_channels", "num_layers", "num_attention_heads", "attention_head_dim"),
        *("cross_attention_dim", "audio_in_channels", "audio_out_channels", "audio_num_attention_heads"),
        *("audio_attention_head_dim", "audio_cross_attention_dim", "norm_eps", "timestep_scale_multiplier"),
        "rope_type",
    )
    transformer = {name: model[name] for name in same} | {
        "positional_embedding_theta": model["rope_theta"],
        "positional_embedding_max_pos": [
            model[n] for n in ("pos_embed_max_pos", "base_height", "base_width")
        ],
        "audio_positional_embedding_max_pos": [model["audio_pos_embed_max_pos"]],
        "av_ca_timestep_scale_multiplier": model["cross_attn_timestep_scale_multiplier"],
        "frequencies_precision": "float64",
        "apply_gated_attention": True,
        "cross_attention_adaln": True,
        "caption_proj_before_connector": True,
        "caption_projection_first_linear": False,
        "caption_proj_input_norm": False,
        "caption_projection_second_linear": False,
        "connector_num_attention_heads": text["video_connector_num_attention_heads"],
        "connector_attention_head_dim": text["video_connector_attention_head_dim"],
        "connector_num_layers": text["video_connector_num_layers"],
        "audio_connector_num_attention_heads": text["audio_connector_num_attention_heads"],
        "audio_connector_attention_head_dim": text["audio_connector_attention_head_dim"],
        "audio_connector_num_layers": text["audio_connector_num_layers"],
        "connector_positional_embedding_max_pos": [text["connector_rope_base_seq_len"]],
        "connector_apply_gated_attention": True,
    }
    return {"transformer": transformer, "vae": deepcopy(VAE)}  # what a test damages stays its own


def parts() -> dict[str, Any]:
    """The three parts that a single file holds, as diffusers opens them."""
    return {
        "transformer": LTX2VideoTransformer3DModel.from_pretrained(TINY / "transformer").eval(),
        "connectors": LTX2TextConnectors.from_pretrained(TINY / "connectors").eval(),
        "vae": make_vae(),
    }


def tensors() -> dict[str, torch.Tensor]:
    """Everything that the file holds, by LTX's names."""
    found = {
        MODEL + transformer_name(name): tensor
        for name, tensor in load_file(TINY / "transformer" / "diffusion_pytorch_model.safetensors").items()
    }
    for name, tensor in load_file(TINY / "connectors" / "diffusion_pytorch_model.safetensors").items():
        found[connectors_name(name)] = tensor
    for name, tensor in make_vae().state_dict().items():
        found["vae." + vae_name(name)] = tensor.contiguous()
    found["vae.per_channel_statistics.channel"] = torch.arange(64.0)
    found["audio_vae.encoder.conv_in.conv.weight"] = torch.zeros(1)
    found["vocoder.conv_pre.weight"] = torch.zeros(1)
    return found


def write(
    path: Path, changed: dict[str, torch.Tensor] | None = None, config: dict[str, Any] | None = None
) -> Path:
    """The file, with all its tensors or those given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"config": json.dumps(configuration() if config is None else config), "model_version": "2.3.0"}
    save_file(tensors() if changed is None else changed, path, metadata)
    return path
