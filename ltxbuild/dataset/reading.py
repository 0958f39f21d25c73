"""Finds out what a source is and reads it. Changes nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ltxbuild.dataset.archive import unpack
from ltxbuild.dataset.folders import read_folder
from ltxbuild.dataset.item import Found
from ltxbuild.dataset.tables import read_table, table_in
from ltxbuild.problem import fail

TABLES = frozenset({".json", ".jsonl", ".csv", ".toml"})


@contextmanager
def opened(source: Path, beside: Path) -> Iterator[Found]:
    """What a folder, zip or table holds, while this lasts; a zip is unpacked below `beside`.

    Raises ProjectError D101 to D103: no such source, not readable, nothing in it.
    """
    if not source.exists():
        raise fail("D101", f"there is no {source}", "name a folder, a zip or a table of clips")
    try:
        if source.is_file() and source.suffix.lower() == ".zip":
            with TemporaryDirectory(prefix=".ltxbuild-tmp-", dir=beside) as folder:
                unpack(source, Path(folder))
                yield _not_empty(_folder(Path(folder)), source)
            return
        yield _not_empty(_read(source), source)
    except ValueError as reason:
        raise fail("D102", str(reason), "correct it, or name another source") from None


def _read(source: Path) -> Found:
    if source.is_dir():
        return _folder(source)
    if source.suffix.lower() in TABLES:
        return read_table(source)
    raise ValueError(f"{source.name} is none of: folder, .zip, {', '.join(sorted(TABLES))}")


def _folder(folder: Path) -> Found:
    table = table_in(folder)
    inner = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))]
    if table is None and len(inner) == 1:
        table = table_in(inner[0])
    return read_folder(folder) if table is None else read_table(table)


def _not_empty(found: Found, source: Path) -> Found:
    if not found.items:
        reasons = "; ".join(f"{place}: {reason}" for place, reason in found.left_out[:5])
        raise fail(
            "D103",
            f"no clip was found in {source.name}",
            reasons or "it holds no mp4, mov, mkv, webm, png or jpg",
        )
    return found
