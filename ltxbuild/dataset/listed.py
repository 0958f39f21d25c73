"""Rows that name clips by path, as entries: what the formats with a list share. Knows no column's name."""

from __future__ import annotations

from collections.abc import Sequence

from ltxbuild.dataset.entry import Entry, Reading
from ltxbuild.dataset.rows import Row, read_rows
from ltxbuild.dataset.source import CLIPS, Missing, Source, shown, suffix_of
from ltxbuild.problem import Span

INSIDE = "copy it into that folder, or name after --from a folder that has both"


def read_list(
    source: Source,
    path: str,
    found: Reading,
    *,
    media: Sequence[str],
    caption: Sequence[str],
    reference: Sequence[str],
    repeats: int = 1,
    repeats_column: str = "",
) -> list[Row]:
    """Take every row of the list at `path`; a row that cannot be taken is noted with its line. Returns the rows."""
    rows = read_rows(source, path)
    for row in rows:
        written, text = row.text(*media), row.text(*caption)
        if written is None:
            found.leave("D204", f"the row has no {' or '.join(media)}", row.span, "name the clip's file")
            continue
        clip = find_clip(source, written, path, row.span, found)
        if clip is None:
            continue
        if text is None:
            found.leave("D201", f"{clip} has no caption", row.span, f"write it as {caption[0]}")
            found.used.add(clip)
            continue
        named = row.text(*reference)
        behind = None if named is None else find_clip(source, named, path, row.span, found)
        times = _times(row, repeats_column, found) if repeats_column else repeats
        found.take(Entry(clip, text, times, behind, row.span))
    return rows


def find_clip(source: Source, written: str, beside: str, span: Span, found: Reading) -> str | None:
    """The clip that a row names; None, with a note, for one that is not in the source."""
    inside = find_path(source, written, beside, span, found)
    if inside is None or (suffix_of(inside) in CLIPS and inside in source.files):
        return inside
    found.leave("D206", f"{inside} is no clip", span, "convert it, for instance to mp4")
    found.used.add(inside)
    return None


def find_path(source: Source, written: str, beside: str, span: Span | None, found: Reading) -> str | None:
    """The file or folder that the file `beside` names; None, with a note, for one that is not in the source."""
    inside = source.find(written, beside)
    if isinstance(inside, Missing):
        found.leave(inside.code, f"{shown(written)} {inside.why}", span, INSIDE)
        return None
    return inside


def _times(row: Row, column: str, found: Reading) -> int:
    """How often a clip is drawn; once, with a note, where the row says something unusable."""
    value = row.values.get(column)
    text = "1" if value in (None, "") else str(value)
    if text.isascii() and text.isdecimal() and len(text) < 7 and int(text) > 0:
        return int(text)
    found.leave(
        "D204", f"`{column}` is {text[:20]!r}: the clip is drawn once", row.span, "write a number from 1"
    )
    return 1
