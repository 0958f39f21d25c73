"""A written dataset on disk: a folder or one zip, whole or not at all, the same bytes for the same dataset.

What was written is remembered outside of it, so that a folder that somebody changed is kept aside, not replaced.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from ltxbuild.dataset.entry import Layout
from ltxbuild.dataset.fresh import fresh_folder
from ltxbuild.engine import files
from ltxbuild.engine.mishap import mishap

# The earliest time that a zip can say.
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_package(
    target: Path, layout: Layout, originals: Mapping[str, Path], zip_name: str, memory: Path
) -> Path | None:
    """Write the layout to the folder `target`, as a zip of that name if one is given.

    `originals` are files by the names that the layout copies, `memory` is where the result is remembered. Returns the
    name under which a changed folder was kept, if there was one. Raises ProjectError where something cannot be written.
    """
    aside = _make_room(target, memory)
    with fresh_folder(target) as folder:
        if zip_name:
            _write_zip(folder / zip_name, layout, originals)
        else:
            for name, text in layout.texts.items():
                files.write_atomic(folder / name, text.encode(), durable=False)
            for name, key in layout.copies.items():
                files.copy(originals[key], folder / name)
    files.write_atomic(memory, json.dumps(_state(target)).encode())
    return aside


def _write_zip(path: Path, layout: Layout, originals: Mapping[str, Path]) -> None:
    """Stored, sorted, without times: video does not shrink, and equal datasets are equal files."""
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted({*layout.texts, *layout.copies}):
                info = zipfile.ZipInfo(name, EPOCH)
                info.create_system, info.external_attr = 3, 0o644 << 16
                if name in layout.texts:
                    archive.writestr(info, layout.texts[name])
                    continue
                source = originals[layout.copies[name]]
                info.file_size = source.stat().st_size
                with source.open("rb") as read, archive.open(info, "w") as write:
                    shutil.copyfileobj(read, write, 1 << 20)
    except OSError as error:
        raise mishap(error, str(path)) from None


def _make_room(target: Path, memory: Path) -> Path | None:
    """Remove what an earlier call wrote; move what somebody changed aside."""
    if not os.path.lexists(target):
        return None
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):  # never written, or cut short: then nothing shows that the folder is ours
        known = None
    if target.is_dir() and not target.is_symlink() and known == _state(target):
        files.remove_tree(target)
        return None
    number, aside = 1, target.with_name(f"{target.name}.local")
    while os.path.lexists(aside):
        number += 1
        aside = target.with_name(f"{target.name}.local{number}")
    files.replace(target, aside)
    return aside


def _state(folder: Path) -> dict[str, list[int]]:
    """Size and time of every file."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            seen = path.lstat()
            found[path.relative_to(folder).as_posix()] = [seen.st_size, seen.st_mtime_ns]
    return found
