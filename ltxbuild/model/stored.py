"""Where the tensors of one part of a base lie: in the shards of its folder, or in a single file under other names.

Reads headers only and loads no torch. A header may come from a stranger: it is bounded and checked before use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltxbuild.model.family import Layout, families
from ltxbuild.problem import fail

# The format's own limit (safetensors, "Format").
MAX_HEADER = 100_000_000
POINTER = "weights.json"


@dataclass(frozen=True)
class Stored:
    """One tensor: the file, its name there, element type as the format spells it, shape, first byte, length."""

    file: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int


@dataclass(frozen=True)
class Header:
    """A safetensors file: its tensors by name, and its metadata."""

    tensors: Mapping[str, Stored]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """Raises ProjectError B202 for a file that is cut short or no safetensors file, OSError if it cannot be read."""
    total = path.stat().st_size
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if not 2 <= size <= min(MAX_HEADER, total - 8):
            raise _damaged(path)
        try:
            content = json.loads(stream.read(size))
            metadata = content.pop("__metadata__", {})
            tensors = {name: _stored(path, name, entry, 8 + size, total) for name, entry in content.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _damaged(path) from None
    if not isinstance(metadata, dict):
        raise _damaged(path)
    return Header(tensors, {str(name): str(value) for name, value in metadata.items()})


def _stored(path: Path, name: str, entry: Any, offset: int, total: int) -> Stored:
    begin, end = (int(value) for value in entry["data_offsets"])
    shape = tuple(int(side) for side in entry["shape"])
    if not 0 <= begin <= end <= total - offset:
        raise ValueError(name)
    return Stored(path, name, str(entry["dtype"]), shape, offset + begin, end - begin)


def _damaged(path: Path) -> Exception:
    return fail("B202", f"{path.name} is cut short, or no safetensors file", "fetch the base again")


def stored_tensors(part: Path) -> dict[str, Stored]:
    """The tensors of a part's folder by the names that diffusers has for them.

    Raises ProjectError B202 for damaged weights, or if a single file is no longer what it was.
    """
    pointer = pointed(part)
    if pointer is not None:
        path, layout = Path(pointer["file"]), _layout(pointer)
        return layout.named(read_header(path).tensors)
    tensors: dict[str, Stored] = {}
    for file in sorted(part.glob("*.safetensors")):
        tensors |= read_header(file).tensors
    return tensors


def pointed(part: Path) -> dict[str, Any] | None:
    """What a folder that stands for a part of a single file says about it; None for a folder with weights."""
    path = part / POINTER
    return dict(json.loads(path.read_bytes())) if path.is_file() else None


def _layout(pointer: Mapping[str, Any]) -> Layout:
    family = next(one for one in families() if one.name == pointer["family"])
    return family.parts[pointer["part"]]


def weight_files(part: Path) -> list[Path]:
    """The files that hold a part's weights."""
    pointer = pointed(part)
    return sorted(part.glob("*.safetensors")) if pointer is None else [Path(pointer["file"])]
