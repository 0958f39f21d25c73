"""Where and in which number format a model computes. Knows no model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ltxbuild.job import Json, StageError

CPU_THREADS = 2
"""Sums depend on how they are split over threads: two always, so that one machine gives one result whatever
`-j`.
"""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Place:
    """A base opened in one way: its folder, the device, precision and quantization of frozen weights, blocks swapped, with
    or without the transformer's half for sound.
    """

    base: Path
    device: str
    precision: str
    checkpointing: bool = False
    quantize: str = ""
    swap: int = 0
    audio: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """The weights' number format."""
        return DTYPES[self.precision]


def place_of(context: Mapping[str, Json], params: Mapping[str, Json]) -> Place:
    """The place that a job names in `context` (base, device, checkpointing, swap) and `params` (precision, quantize,
    audio).

    Raises StageError for an unknown precision or a device that is not there.
    """
    device = str(context.get("device") or "cpu")
    precision = str(params.get("precision") or "fp32")
    if precision not in ("fp32", "bf16"):
        raise StageError(f"the precision {precision!r} is not known; use fp32 or bf16")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise StageError("a CUDA device was asked for, but PyTorch finds none")
    if device == "cpu" and torch.get_num_threads() != CPU_THREADS:
        torch.set_num_threads(CPU_THREADS)
    if device.startswith("cuda"):
        _repeatable()
    checkpointing, quantize = bool(context.get("checkpointing", False)), str(params.get("quantize") or "")
    swap = int(str(context.get("swap") or 0))
    audio = params.get("audio") is not None
    return Place(Path(str(context["base"])), device, precision, checkpointing, quantize, swap, audio)


def _repeatable() -> None:
    """Have a GPU sum in one order, which PyTorch does not promise otherwise, for attention's backward pass among others.

    cuBLAS reads its variable when it is first used. Memory that is overwritten anyway need not be filled before.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def generator(*names: object) -> torch.Generator:
    """A CPU generator that is a function of `names` alone: the same noise on every device."""
    text = "\n".join(str(name) for name in names)
    digest = hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest()
    # Seeds above 2**63 - 1 are refused by some back ends.
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little") >> 1)
