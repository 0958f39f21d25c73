"""The header of a safetensors file: names, formats and shapes of its tensors, and single numbers. Reads no tensor."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 100_000_000
"""Bytes that the format allows a header."""
CHUNK = 1 << 20
WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
NUMBERS: dict[str, Callable[[bytes], float]] = {
    "F64": lambda data: float(struct.unpack("<d", data)[0]),
    "F32": lambda data: float(struct.unpack("<f", data)[0]),
    "F16": lambda data: float(struct.unpack("<e", data)[0]),
    "BF16": lambda data: float(struct.unpack("<f", b"\0\0" + data)[0]),
    "I64": lambda data: float(struct.unpack("<q", data)[0]),
    "I32": lambda data: float(struct.unpack("<i", data)[0]),
}


class NotSafetensors(Exception):
    """A file that is no safetensors file, with why."""


@dataclass(frozen=True)
class Entry:
    """One tensor: its format in the file's own words, its shape, where it begins and ends."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """All tensors by name, and the file's metadata."""

    path: Path
    tensors: Mapping[str, Entry]
    metadata: Mapping[str, str]

    def number(self, name: str) -> float | None:
        """The value of a tensor of one element; None for any other."""
        entry = self.tensors[name]
        if entry.dtype not in NUMBERS or any(side != 1 for side in entry.shape):
            return None
        with self.path.open("rb") as file:
            file.seek(entry.start)
            data = file.read(WIDTHS[entry.dtype])
        return NUMBERS[entry.dtype](data) if len(data) == WIDTHS[entry.dtype] else None

    def is_zero(self, name: str) -> bool:
        """Whether every number of a tensor is zero, whatever its format."""
        entry = self.tensors[name]
        with self.path.open("rb") as file:
            file.seek(entry.start)
            left = entry.end - entry.start
            while left > 0 and (data := file.read(min(left, CHUNK))):
                if data.strip(b"\0"):
                    return False
                left -= len(data)
        return True


def read_header(path: Path) -> Header:
    """Read a header. Raises NotSafetensors if the file is of another kind, damaged or cut off, OSError if not readable."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = int.from_bytes(head, "little")
        if len(head) < 8 or not 2 <= length <= min(LONGEST, size - 8):
            raise NotSafetensors("it does not begin as a safetensors file does")
        text = file.read(length)
    try:
        found = json.loads(text)
        metadata = found.pop("__metadata__", {})
        tensors = {name: _entry(value, 8 + length, size) for name, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotSafetensors(f"its header is damaged ({type(error).__name__})") from None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise NotSafetensors("its metadata are no strings")
    return Header(path, tensors, metadata)


def _entry(value: Any, base: int, size: int) -> Entry:
    dtype, shape = str(value["dtype"]), tuple(int(side) for side in value["shape"])
    start, end = (int(offset) for offset in value["data_offsets"])
    if not (0 <= start <= end <= size - base) or any(side < 0 for side in shape):
        raise NotSafetensors("it is cut off: tensors lie beyond its end")
    return Entry(dtype, shape, base + start, base + end)
