"""Writes a project's clips and captions in the form of another trainer. What the form cannot say is returned in words."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ltxbuild.dataset.item import Item

Put = Callable[[str, "Path | bytes"], None]
"""Puts a file, or bytes, under a name with forward slashes."""

SAYS_REPEATS = frozenset({"kohya"})
EPOCH = (1980, 1, 1, 0, 0, 0)  # of zip members: the same clips give the same bytes


def names(items: Sequence[Item]) -> list[str]:
    """The names of the items' files, unique already in a project."""
    return [item.path.name for item in items]


def sidecars(items: Sequence[Item], put: Put) -> None:
    """Clips with a .txt each: musubi-tuner, ai-toolkit, diffusion-pipe and most others."""
    for item in items:
        put(item.path.name, item.path)
        put(Path(item.path.name).stem + ".txt", _line(item))


def kohya(items: Sequence[Item], put: Put) -> None:
    """Folders `<repeats>_clips` with sidecars."""
    for item in items:
        folder = f"{item.repeats}_clips"
        put(f"{folder}/{item.path.name}", item.path)
        put(f"{folder}/{Path(item.path.name).stem}.txt", _line(item))


def musubi(items: Sequence[Item], put: Put) -> None:
    """Sidecars in `clips/` and a dataset TOML; resolution, frames and cache are the user's to add there."""
    sidecars(items, lambda name, what: put(f"clips/{name}", what))
    text = '[general]\ncaption_extension = ".txt"\n\n[[datasets]]\nvideo_directory = "clips"\n'
    put("dataset.toml", text.encode())


def json_table(items: Sequence[Item], put: Put) -> None:
    """The official trainer's dataset.json."""
    _clips(items, put)
    put("dataset.json", (json.dumps(_rows(items), indent=2, ensure_ascii=False) + "\n").encode())


def jsonl_table(items: Sequence[Item], put: Put) -> None:
    """The official trainer's dataset.jsonl."""
    _clips(items, put)
    put("dataset.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(items)).encode())


def csv_table(items: Sequence[Item], put: Put) -> None:
    """The official trainer's dataset.csv."""
    _clips(items, put)
    out = io.StringIO(newline="")
    columns = list(dict.fromkeys(key for row in _rows(items) for key in row)) or ["caption", "media_path"]
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(_rows(items))
    put("dataset.csv", out.getvalue().encode())


def metadata(items: Sequence[Item], put: Put) -> None:
    """metadata.jsonl with `file_name` and `text`, as Hugging Face datasets have it."""
    for item in items:
        put(item.path.name, item.path)
    rows = [{"file_name": item.path.name, "text": item.caption or ""} for item in items]
    put("metadata.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


FORMS: dict[str, Callable[[Sequence[Item], Put], None]] = {
    "sidecars": sidecars,
    "zip": sidecars,
    "kohya": kohya,
    "musubi": musubi,
    "json": json_table,
    "jsonl": jsonl_table,
    "csv": csv_table,
    "metadata": metadata,
}


class Packed:
    """A zip with the same bytes for the same files: fal's training data."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)  # film does not shrink

    def put(self, name: str, what: Path | bytes) -> None:
        """Add a file."""
        member = zipfile.ZipInfo(name, EPOCH)
        member.external_attr = 0o644 << 16
        with self._zip.open(member, "w", force_zip64=True) as out:
            if isinstance(what, bytes):
                out.write(what)
                return
            with what.open("rb") as source:
                while chunk := source.read(2**20):
                    out.write(chunk)

    def close(self) -> None:
        """Write the index."""
        self._zip.close()


def _clips(items: Sequence[Item], put: Put) -> None:
    for item in items:
        put(f"clips/{item.path.name}", item.path)
        if item.reference is not None:
            put(f"references/{item.reference.name}", item.reference)


def _rows(items: Sequence[Item]) -> list[dict[str, str]]:
    rows = []
    for item in items:
        row = {"caption": item.caption or "", "media_path": f"clips/{item.path.name}"}
        if item.reference is not None:
            row["reference_path"] = f"references/{item.reference.name}"
        rows.append(row)
    return rows


def _line(item: Item) -> bytes:
    return f"{item.caption or ''}\n".encode()
