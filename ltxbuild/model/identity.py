"""Which weights these are: a digest for each component over the content of its tensors. Loads no torch.

Digests are kept in the user's cache by the files' stats, so that 40 GB are read once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import xxhash

from ltxbuild.model.stored import POINTER, Stored, stored_tensors, weight_files
from ltxbuild.problem import fail

# The folders that make up each component: text features need all three, sound both of its.
COMPONENTS = {
    "transformer": ("transformer",),
    "vae": ("vae",),
    "text_encoder": ("text_encoder", "tokenizer", "connectors"),
    "sound": ("audio_vae", "vocoder"),
    "tokenizer": ("tokenizer",),
}
# What is digested in the same way: the parts of a base, and models that lint asks, whose files lie in one folder.
DIGESTED = {**COMPONENTS, "detector": (".",), "listener": (".",)}
# Keys that say where a configuration came from and not what the model is.
ORIGIN = ("_diffusers_version", "_name_or_path", "transformers_version")
CHUNK = 1 << 22
# Raised when the same files give another digest, so that what an older release kept is not taken for it.
SCHEME = 2

OnBytes = Callable[[int, int], None]


def component_digest(
    folder: Path, component: str, cache: Path, on_bytes: OnBytes = lambda done, total: None
) -> str:
    """32 hexadecimal digits for one of DIGESTED; `on_bytes(done, total)` is told while weights are read, about.

    Raises ProjectError if the folder lacks a part.
    """
    known = known_digest(folder, component, cache)
    if known is not None:
        return known
    files = component_files(folder, component)
    state = xxhash.xxh3_128()
    parts = [folder / part for part in DIGESTED[component]]
    done, total = 0, sum(t.length for part in parts for t in stored_tensors(part).values())
    for name, part in zip(DIGESTED[component], parts, strict=True):
        state.update(name.encode() + b"\0")
        for piece in _pieces(part, [file for file in files if file.parent == part]):
            state.update(piece)
            done += len(piece)
            on_bytes(max(0, min(done, total - 1)), total)
    on_bytes(total, total)
    value = str(state.hexdigest())
    path = _entry(cache, folder, component)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps({"stats": _stats(files), "digest": value}))
    temporary.replace(path)
    return value


def known_digest(folder: Path, component: str, cache: Path) -> str | None:
    """The digest if it was computed before and no file changed since; reads no weights."""
    try:
        entry = json.loads(_entry(cache, folder, component).read_bytes())
        if entry["stats"] == _stats(component_files(folder, component)):
            return str(entry["digest"])
    except (OSError, ValueError, KeyError):
        return None
    return None


def component_files(folder: Path, component: str) -> list[Path]:
    """Weights, configuration and tokenizer files. Raises ProjectError if a part is missing or has no weights."""
    found: list[Path] = []
    for part in DIGESTED[component]:
        inside = [p for p in sorted((folder / part).glob("*")) if p.suffix in (".json", ".model")]
        weights = weight_files(folder / part)
        if part != "tokenizer" and not weights:
            raise fail(
                "B201",
                f"the base in {folder} has no weights in {part}/",
                "fetch it again or name another base",
            )
        found += [p for p in inside if not p.name.endswith(".index.json") and p.name != POINTER]
        found += weights
    return found


def _entry(cache: Path, folder: Path, component: str) -> Path:
    name = hashlib.blake2b(f"{SCHEME}\n{folder.resolve()}\n{component}".encode(), digest_size=12).hexdigest()
    return cache / "identity" / f"{name}.json"


def _stats(files: list[Path]) -> list[list[Any]]:
    stats = ((file.name, file.stat()) for file in files)
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def _pieces(part: Path, files: list[Path]) -> Iterator[bytes]:
    """What makes up one part: its configuration, then its tensors, however they are spread over files."""
    for file in files:
        if file.suffix == ".safetensors":
            continue
        if file.name == "config.json":
            config = json.loads(file.read_bytes())
            kept = {k: v for k, v in config.items() if k not in ORIGIN}
            yield json.dumps(kept, sort_keys=True).encode()
        else:
            yield file.name.encode() + b"\0" + file.read_bytes()
    yield from _tensors(stored_tensors(part))


def _tensors(tensors: Mapping[str, Stored]) -> Iterator[bytes]:
    """Name, type, shape and bytes of every tensor in the order of names: neither headers' order nor shards matter."""
    for name in sorted(tensors):
        tensor = tensors[name]
        yield json.dumps([name, tensor.dtype, list(tensor.shape)]).encode()
        yield from _bytes(tensor)


def _bytes(tensor: Stored) -> Iterator[bytes]:
    left = tensor.length
    with open(tensor.file, "rb") as stream:
        stream.seek(tensor.start)
        while left:
            piece = stream.read(min(CHUNK, left))
            if not piece:
                raise fail("B202", f"{tensor.file} is shorter than its header says", "fetch the base again")
            left -= len(piece)
            yield piece
