"""Datasets as a table: the official trainer's JSON, JSON lines and CSV, metadata.jsonl, and musubi-tuner's TOML.

Columns: `caption` and `media_path` in the official trainer (with `reference_path` for IC-LoRA), `file_name` and `text` in
metadata.jsonl, `video_path` or `image_path` in musubi-tuner's JSON lines. Paths are relative to the table, or absolute.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli

from ltxbuild.dataset.folders import read_folder
from ltxbuild.dataset.item import MEDIA, Found, Item, inside

LARGEST = 16 * 2**20
NAMES = ("dataset.json", "dataset.jsonl", "dataset.csv", "metadata.jsonl", "metadata.csv", "captions.json")
FILES = ("media_path", "video_path", "image_path", "file_name", "video", "path")
CAPTIONS = ("caption", "text", "prompt")
REFERENCES = ("reference_path", "control_path", "reference_video")


def table_in(folder: Path) -> Path | None:
    """The table of a folder, by its usual names."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read_table(path: Path) -> Found:
    """The items of a .json, .jsonl, .csv or musubi .toml file. Raises ValueError with the reason if it is none."""
    text = _text(path)
    if path.suffix.lower() == ".toml":
        return _musubi(path, text)
    found = Found(f"the table {path.name}")
    for number, row in _rows(path, text):
        place = f"{path.name}:{number}"
        if isinstance(row, Mapping):
            _add(found, row, place, path.parent)
        else:
            found.left_out.append((place, "it is no table row"))
    return found


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"{path.name} is larger than {LARGEST // 2**20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8") from None


def _rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Each row with its line, or with its number in a JSON list."""
    try:
        if path.suffix.lower() == ".csv":
            reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
            for row in reader:
                yield reader.line_num, row
        elif path.suffix.lower() == ".jsonl":
            for number, line in enumerate(text.split("\n"), 1):
                if line.strip():
                    yield number, json.loads(line)
        else:
            data = json.loads(text)
            if isinstance(data, Mapping):  # {"clip.mp4": "caption"}
                data = [{"media_path": k, "caption": v} for k, v in data.items()]
            if not isinstance(data, list):
                raise ValueError(f"{path.name} is no list of clips")
            yield from enumerate(data, 1)
    except (json.JSONDecodeError, csv.Error, RecursionError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from None


def _add(found: Found, row: Mapping[str, Any], place: str, folder: Path) -> None:
    name, caption = _first(row, FILES), _first(row, CAPTIONS)
    if name is None:
        found.left_out.append((place, f"it names no file ({', '.join(FILES[:4])})"))
        return
    path, reference = folder / name, _first(row, REFERENCES)
    reason = _fault(path, folder, name) or (
        _fault(folder / reference, folder, reference) if reference else ""
    )
    if reason:
        found.left_out.append((place, reason))
        return
    text = None if caption is None else " ".join(caption.split())
    found.items.append(Item(path, text, 1, folder / reference if reference else None))


def _fault(path: Path, folder: Path, name: str) -> str:
    if "\0" in name or not inside(path, folder):
        return f"{name!r} lies outside of the dataset's folder: copy the file there"
    if not path.is_file():
        return f"there is no {name!r}"
    return "" if path.suffix.lower() in MEDIA else f"{name!r} is no clip"


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((row[n] for n in names if isinstance(row.get(n), str) and row[n].strip()), None)


def _musubi(path: Path, text: str) -> Found:
    try:
        data = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise ValueError(f"{path.name} is not valid TOML: {error}") from None
    sets = data.get("datasets")
    if not isinstance(sets, list) or not all(isinstance(entry, dict) for entry in sets):
        raise ValueError(f"{path.name} has no [[datasets]]: it is no dataset of musubi-tuner")
    found = Found("musubi-tuner's dataset")
    for number, entry in enumerate(sets, 1):
        kinds = ("video_directory", "image_directory", "video_jsonl_file", "image_jsonl_file")
        name = _first(entry, kinds)
        place = f"{path.name}, dataset {number}"
        if name is None or not inside(path.parent / name, path.parent) or not (path.parent / name).exists():
            found.left_out.append((place, f"{name!r} is not there, or outside of the folder of {path.name}"))
            continue
        inner = path.parent / name
        part = read_folder(inner) if inner.is_dir() else read_table(inner)
        times = entry.get("num_repeats", 1)
        repeats = times if isinstance(times, int) and times > 0 else 1
        found.items += [Item(i.path, i.caption, i.repeats * repeats, i.reference) for i in part.items]
        found.left_out += [(f"{place}: {where}", reason) for where, reason in part.left_out]
    return found
