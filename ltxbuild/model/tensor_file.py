"""safetensors files with the same bytes for the same content. Knows nothing of what the tensors mean.

The library writes metadata in an order that changes from run to run, so the header is written here: an
8-byte length, sorted compact JSON padded with spaces to 8 bytes, then the tensors in the order of their
names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def save(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write `tensors` to `path` through a temporary file, so that no half-written file is ever seen."""
    ready = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as stream:
        stream.write(_header(ready, metadata or {}))
        for tensor in ready.values():
            stream.write(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def _header(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, object] = {}
    if metadata:
        header["__metadata__"] = {name: metadata[name] for name in sorted(metadata)}
    offset = 0
    for name, tensor in tensors.items():
        end = offset + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    # ASCII, so that no reader has to guess how names in other scripts were composed.
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors (copied out of the file's memory map, hence aligned) and metadata."""
    with safe_open(str(path), framework="pt", device="cpu") as stream:
        tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118
        return tensors, dict(stream.metadata() or {})
