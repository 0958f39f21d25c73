"""xxh3-128 of bytes and files, in hexadecimal. Guards against damage, not against attackers; knows no store."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import xxhash

from ltxbuild.job import Json, dump_json

_CHUNK = 1 << 20


def of_bytes(data: bytes) -> str:
    """32 hexadecimal digits."""
    return str(xxhash.xxh3_128_hexdigest(data))


def of_json(value: Json) -> str:
    """The digest of a value's canonical JSON. Raises ValueError for NaN or infinity."""
    return of_bytes(dump_json(value))


def of_stream(stream: IO[bytes]) -> str:
    """The digest of what is left in an open file."""
    state = xxhash.xxh3_128()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    while count := stream.readinto(view):  # type: ignore[attr-defined]
        state.update(view[:count])
    return str(state.hexdigest())


def of_file(path: Path) -> str:
    """The digest of a file's content. Raises OSError."""
    with open(path, "rb", buffering=0) as stream:
        return of_stream(stream)
