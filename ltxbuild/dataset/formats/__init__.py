"""One file a format: a reader and a writer of plain values."""

from __future__ import annotations

from ltxbuild.dataset.format import Format
from ltxbuild.dataset.formats import ai_toolkit, fal, kohya, ltx_trainer, metadata, musubi, sidecars

# Formats that a file proves, then those that names of folders and files do: the most telling first.
BY_FILE: tuple[Format, ...] = (ltx_trainer.FORMAT, metadata.FORMAT, musubi.FORMAT, ai_toolkit.FORMAT)
BY_NAMES: tuple[Format, ...] = (kohya.FORMAT, fal.FORMAT, sidecars.FORMAT)
WRITTEN: dict[str, Format] = {
    one.name: one
    for one in (
        sidecars.FORMAT,
        fal.FORMAT,
        ltx_trainer.FORMAT,
        ltx_trainer.JSON_LINES,
        ltx_trainer.CSV,
        musubi.FORMAT,
        kohya.FORMAT,
        ai_toolkit.FORMAT,
        metadata.FORMAT,
    )
}
