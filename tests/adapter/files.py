"""Small LoRA files in the forms that are found in the wild, written without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltxbuild.adapter.keys import spelt

Arrays = Mapping[str, NDArray[np.float32]]
MODULES = (
    "transformer_blocks.0.attn1.to_q",
    "transformer_blocks.0.attn2.to_out.0",
    "transformer_blocks.1.ff.net.2",
)


def write(path: Path, arrays: Arrays, metadata: Mapping[str, str] | None = None) -> Path:
    """A safetensors file of fp32 tensors."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    data = b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def lora(
    form: str = "comfyui",
    rank: int = 4,
    alpha: float | None = None,
    modules: Iterable[str] = MODULES,
    sides: tuple[int, int] = (6, 5),
) -> dict[str, NDArray[np.float32]]:
    """Tensors of some layers, [rank, in] and [out, rank], under the names of a form; with `alpha` a key for each."""
    dice, (wide, high), found = np.random.default_rng(rank), sides, {}
    for module in modules:
        found[spelt(form, module, "A")] = dice.standard_normal((rank, wide), np.float32)
        found[spelt(form, module, "B")] = dice.standard_normal((high, rank), np.float32)
        if alpha is not None:
            stem = spelt(form, module, "A").rpartition(".lora_")[0]
            found[f"{stem}.alpha"] = np.array(alpha, np.float32)
    return found
