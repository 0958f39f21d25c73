"""Folders of clips with a text file beside each, as most trainers take them; kohya's repeats stand in folder names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ltxbuild.dataset.item import MEDIA, SIDECARS, Found, Item, inside

LITTER = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini"})
KINDS = frozenset({".json", ".jsonl", ".csv", ".toml", ".yaml", ".yml", ".md", *SIDECARS})
LONGEST = 64 * 1024  # bytes of a caption file
_REPEATS = re.compile(r"(\d+)_(.+)")


def read_folder(folder: Path) -> Found:
    """A folder with sidecars, or with folders such as `10_mira` whose number says how often their clips are drawn."""
    inner = [entry for entry in _entries(folder) if entry.is_dir()]
    if inner and all(_REPEATS.fullmatch(entry.name) for entry in inner):
        found = Found("kohya's folders with repeats")
        for entry in inner:
            match = _REPEATS.fullmatch(entry.name)
            assert match is not None
            _add(found, entry, folder, max(1, int(match[1])))
        return found
    found = Found("clips with text files")
    _add(found, folder, folder, 1)
    # A zip is often a folder in a zip.
    if not found.items and len(inner) == 1:
        found.left_out.clear()
        _add(found, inner[0], folder, 1)
    return found


def sidecar(path: Path) -> str | None:
    """The caption in the file beside a clip; None if there is none. Raises ValueError with the reason."""
    for suffix in SIDECARS:
        beside = path.with_suffix(suffix)
        if beside.is_file():
            return read_text(beside)
    return None


def read_text(path: Path) -> str:
    """A caption file as one line. Raises ValueError with the reason if it cannot be one."""
    with path.open("rb") as file:
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise ValueError(f"{path.name} is larger than {LONGEST // 1024} KiB: no caption")
    try:
        return " ".join(data.decode("utf-8-sig").split())
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8: save it so") from None


def _entries(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.name.lower() not in LITTER and not p.name.startswith("."))


def _add(found: Found, folder: Path, source: Path, repeats: int) -> None:
    for path in _entries(folder):
        place = str(path.relative_to(source))
        if not inside(path, source):
            found.left_out.append((place, "it is a link to outside of the folder"))
        elif path.suffix.lower() in MEDIA and path.is_file():
            found.items += _item(found, path, place, repeats)
        elif path.is_dir():
            found.left_out.append((place, "it is a folder: only its parent is read"))
        elif path.suffix.lower() not in KINDS:
            found.left_out.append((place, "it is no clip"))


def _item(found: Found, path: Path, place: str, repeats: int) -> Iterator[Item]:
    try:
        yield Item(path, sidecar(path), repeats)
    except ValueError as reason:
        found.left_out.append((place, str(reason)))
