"""A LoRA file written anew under the names of another tool, and compared with what it came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ltxbuild.adapter.keys import spelt
from ltxbuild.job import StageError
from ltxbuild.model import tensor_file
from ltxbuild.model.device import DTYPES
from ltxbuild.model.given_lora import Halves, read_halves

NAMES = {"F32": "fp32", "F64": "fp32", "BF16": "bf16", "F16": "fp16"}
ROUNDING = {"fp32": 1e-6, "bf16": 1e-2, "fp16": 2e-3}
"""The difference of a rounded weight, as a share of the largest one, that is no mistake."""
# They say how a reader shall scale, or that it shall: the weights say all of it now.
SCALING = ("lora_adapter_metadata", "ss_network_alpha", "ss_network_dim")


@dataclass(frozen=True)
class Converted:
    """How many layers, in which precision, and the largest difference to the source as a share of its largest weight."""

    layers: int
    precision: str
    difference: float


def convert(source: Path, target: Path, form: str, precision: str | None) -> Converted:
    """Write `target`, scale baked into B (for kohya beside an alpha that is the rank), and read it back.

    Raises StageError if the source is no LoRA, or if what was written is not what was read; then nothing is there.
    """
    described, halves = read_halves(source)
    chosen = precision or NAMES.get(described.dtypes[0], "fp32")
    tensors: dict[str, torch.Tensor] = {}
    for module, (a, b) in halves.items():
        tensors[spelt(form, module, "A")] = a.to(DTYPES[chosen])
        tensors[spelt(form, module, "B")] = b.to(DTYPES[chosen])
        if form == "kohya":
            tensors[spelt(form, module, "alpha")] = torch.tensor(float(len(a)))
    metadata = {key: value for key, value in described.metadata.items() if key not in SCALING}
    if len(described.ranks) == 1:
        metadata |= {"ss_network_dim": str(described.ranks[0]), "ss_network_alpha": str(described.ranks[0])}
    draft = target.with_name(f"{target.name}.draft")
    tensor_file.save(draft, tensors, metadata)
    try:
        difference = _difference(halves, read_halves(draft)[1])
        if not difference <= ROUNDING[chosen]:
            raise StageError(f"{target.name} would not hold what {source.name} does: {difference:.3g} apart")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return Converted(len(halves), chosen, difference)


def _difference(before: dict[str, Halves], after: dict[str, Halves]) -> float:
    if before.keys() != after.keys():
        return float("inf")
    pairs = [(x, y) for module, halves in before.items() for x, y in zip(halves, after[module], strict=True)]
    return max(float((x - y).abs().max() / x.abs().max().clamp(min=1e-30)) for x, y in pairs)
