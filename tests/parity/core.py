"""One training step in Lightricks' ltx-core, on cases that come from a file; runs in an environment that has it.

    python tests/parity/core.py BASE.safetensors CASES.safetensors OUT.safetensors

A case is a group of tensors `<case>/<name>`; a case's `change/<layer>` is what a LoRA adds to that layer's weight. Written
out are `<case>/video`, `<case>/audio` (velocities), `<case>/loss` and `<case>/gradient/<layer>` of each changed weight.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from ltx_core.components.patchifiers import AudioPatchifier, VideoLatentPatchifier
from ltx_core.conditioning.types.reference_video_cond import VideoConditionByReferenceLatent
from ltx_core.model.transformer.modality import Modality
from ltx_core.model.transformer.model_configurator import LTXModelConfigurator, LTXVideoOnlyModelConfigurator
from ltx_core.tools import AudioLatentTools, VideoLatentTools
from ltx_core.types import AudioLatentShape, SpatioTemporalScaleFactors, VideoLatentShape
from safetensors import safe_open
from safetensors.torch import load_file, save_file

CHANGE = "change/"
PREFIX = "model.diffusion_model."
FPS = 24.0
# What the published files state besides, and ltx-core insists on.
STATED = {
    "dropout": 0.0,
    "attention_bias": True,
    "num_vector_embeds": None,
    "activation_fn": "gelu-approximate",
    "num_embeds_ada_norm": 1000,
    "use_linear_projection": False,
    "only_cross_attention": False,
    "cross_attention_norm": True,
    "double_self_attention": False,
    "upcast_attention": False,
    "standardization_norm": "rms_norm",
    "norm_elementwise_affine": False,
    "qk_norm": "rms_norm",
    "positional_embedding_type": "rope",
    "use_audio_video_cross_attention": True,
    "share_ff": False,
    "av_cross_ada_norm": True,
    "use_middle_indices_grid": True,
}
SCALES = SpatioTemporalScaleFactors(4, 16, 16)


def model(path: str, sound: bool) -> Any:
    """The official class with the file's configuration and weights; strictly, so that every name is right."""
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"])
    config["transformer"] = STATED | config["transformer"]
    made = (LTXModelConfigurator if sound else LTXVideoOnlyModelConfigurator).from_config(config)
    weights = {n.removeprefix(PREFIX): t.float() for n, t in load_file(path).items() if n.startswith(PREFIX)}
    wanted = made.state_dict().keys()
    weights = {n: t for n, t in weights.items() if "embeddings_connector" not in n}
    if not sound:
        weights = {n: t for n, t in weights.items() if n in wanted}
    made.load_state_dict(weights, strict=True)
    return made.requires_grad_(False)


def step(made: Any, case: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Velocities, loss and one gradient of a case, with positions and timesteps as the official tools make them."""
    x0, noise, sigma = case["x0"], case["noise"], case["sigma"]
    tools = VideoLatentTools(
        VideoLatentPatchifier(1), VideoLatentShape.from_torch_shape(x0.shape), FPS, SCALES
    )
    state = tools.create_initial_state("cpu", torch.float32, x0)
    mask = case["free"]  # [B, S, 1], 1 where a token is learnt
    clean = state.clean_latent
    e = tools.patchifier.patchify(noise)
    noisy = (1 - sigma[:, None, None]) * clean + sigma[:, None, None] * e
    latent, free, positions = torch.where(mask > 0, noisy, clean), mask, state.positions
    if "reference" in case:
        beside = VideoConditionByReferenceLatent(case["reference"], int(case["scale"]), 1.0).apply_to(
            state, tools
        )
        count = clean.shape[1]
        latent = torch.cat([latent, beside.latent[:, count:]], 1)
        free = torch.cat([free, beside.denoise_mask[:, count:]], 1)
        positions = beside.positions
    video = Modality(latent, sigma, free[..., 0] * sigma[:, None], positions, case["text"])
    audio = None
    if "sound" in case:
        shape = AudioLatentShape.from_torch_shape(case["sound"].shape)
        heard = AudioLatentTools(AudioPatchifier(1), shape).create_initial_state(
            "cpu", torch.float32, case["sound"]
        )
        level = case["sound_sigma"]
        tokens = heard.clean_latent
        e_sound = AudioPatchifier(1).patchify(case["sound_noise"])
        mixed = (1 - level[:, None, None]) * tokens + level[:, None, None] * e_sound
        steps = level[:, None].expand(-1, tokens.shape[1])
        audio = Modality(mixed, level, steps, heard.positions, case["sound_text"])
    changes = {n.removeprefix(CHANGE): t for n, t in case.items() if n.startswith(CHANGE)}
    weights = {name: made.get_submodule(name).weight for name in changes}
    for name, weight in weights.items():
        weight.add_(changes[name]).requires_grad_(True)
    v, a = made(video=video, audio=audio, perturbations=None)
    v = v[:, : clean.shape[1]]
    loss = (((v - (e - clean)) ** 2).mean(-1) * mask[..., 0]).mean() / mask.mean()
    if a is not None:
        loss = loss + ((a - (e_sound - tokens)) ** 2).mean()
    found = torch.autograd.grad(loss, list(weights.values()))
    gradients = {f"gradient/{name}": gradient for name, gradient in zip(weights, found, strict=True)}
    for name, weight in weights.items():
        weight.requires_grad_(False).sub_(changes[name])
    out = {"video": v.detach(), "loss": loss.detach()[None], **gradients}
    return out if a is None else {**out, "audio": a.detach()}


def main(base: str, cases: str, out: str) -> None:
    """Every case of the file."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in load_file(cases).items():
        case, _, part = name.partition("/")
        found.setdefault(case, {})[part] = tensor
    models = {sound: model(base, sound) for sound in (False, True)}
    results = {}
    for name, case in found.items():
        for part, tensor in step(models["sound" in case], case).items():
            results[f"{name}/{part}"] = tensor.contiguous()
    save_file(results, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
