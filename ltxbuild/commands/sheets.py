"""A contact sheet in its folder below build/, with the pictures that lie beside it."""

from __future__ import annotations

from pathlib import Path

from ltxbuild.engine import files
from ltxbuild.page.report import Page


def write_sheet(folder: Path, page: Page) -> Path:
    """Write it as index.html; returns the path."""
    for name, data in page.files.items():
        files.write_atomic(folder / name, data)
    files.write_atomic(folder / "index.html", page.html)
    return folder / "index.html"
