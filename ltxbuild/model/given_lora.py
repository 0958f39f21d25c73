"""A LoRA file of any known form as the layers of an adapter. Knows no training."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open

from ltxbuild.adapter.described import Description, describe
from ltxbuild.adapter.header import NotSafetensors, read_header
from ltxbuild.job import StageError
from ltxbuild.model.lora import Adapter, Spec

Halves = tuple[torch.Tensor, torch.Tensor]


def read_halves(path: Path) -> tuple[Description, dict[str, Halves]]:
    """Of each layer A [r, in] and B [out, r] in fp32, B times what the file multiplies B A with.

    Raises StageError if the file is no LoRA that can be read.
    """
    try:
        described = describe(read_header(path))
    except (NotSafetensors, OSError) as error:
        raise StageError(f"{path.name} is no LoRA: {error}") from error
    if described.problems:
        raise StageError(f"{path.name}: {described.problems[0]}")
    with safe_open(str(path), framework="pt", device="cpu") as file:
        halves = {
            module: (
                file.get_tensor(layer.a).to(torch.float32, copy=True),
                file.get_tensor(layer.b).float() * layer.scale,
            )
            for module, layer in described.layers.items()
        }
    return described, halves


def start_from(adapter: Adapter, spec: Spec, path: Path) -> list[str]:
    """Fill a started adapter with what the file holds; layers that it has not stay as they were started.

    Returns what was left out: layers of sound. Raises StageError where the file does not fit.
    """
    _, halves = read_halves(path)
    own = {name.rpartition(".lora_")[0] for name in adapter.parameters()}
    tensors = adapter.tensors()
    for module in own & halves.keys():
        a, b = halves[module]
        tensors[f"{module}.lora_A.weight"] = a
        tensors[f"{module}.lora_B.weight"] = b / spec.scale
    adapter.fill(tensors)
    return sorted(halves.keys() - own)
