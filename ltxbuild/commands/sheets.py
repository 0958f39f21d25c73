"""A page below build/, with the pictures and films that are too large to be in it beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ltxbuild.engine import files

if TYPE_CHECKING:
    from ltxbuild.page.report import Page


def write_beside(folder: Path, page: Page) -> None:
    """Write the media of a page into its folder, but not the page."""
    for name, data in page.files.items():
        files.write_atomic(folder / name, data)


def write_sheet(path: Path, page: Page) -> Path:
    """Write a page with all that lies beside it; returns its path."""
    write_beside(path.parent, page)
    files.write_atomic(path, page.html)
    return path
