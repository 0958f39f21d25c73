"""The list of the official trainer: dataset.json, .jsonl or .csv with a caption and a path in each row.

Facts: Lightricks/LTX-2, packages/ltx-trainer/docs/dataset-preparation.md: columns `caption`, `video` (or the older
`media_path`), `reference_video` (or `ref_media_path`), paths seen from the list's folder; Lightricks/LTX-Video-Trainer
calls the reference `reference_path`. Written are `media_path`, which both read, and `reference_video`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.listed import read_list
from ltxbuild.dataset.rows import SUFFIXES, columns_of
from ltxbuild.dataset.source import Source, stem_of, suffix_of

MEDIA = ("video", "media_path")
REFERENCE = ("reference_video", "ref_media_path", "reference_path")
FURTHER = ("audio", "reference_audio", "video_mask", "audio_mask")
CLIPS, REFERENCES = "clips", "references"

Table = list[dict[str, str]]


def recognise(source: Source) -> list[Match]:
    """A list whose first row has a caption and a path."""
    found = []
    for path in source.lists(*SUFFIXES):
        columns = columns_of(source, path)
        media = next((column for column in MEDIA if column in columns), None)
        if media and "caption" in columns:
            found.append(Match(f"{path} has rows with `caption` and `{media}`", path))
    return found


def read(source: Source, match: Match) -> Reading:
    """One entry a row."""
    found = Reading(used={match.file})
    rows = read_list(source, match.file, found, media=MEDIA, caption=("caption",), reference=REFERENCE)
    further = [column for column in FURTHER if any(row.text(column) for row in rows)]
    if further:
        found.remarks.append(
            f"not taken from {match.file}: {', '.join(further)} (a project has no place for them)"
        )
    return found


def _rows(entries: Sequence[Entry]) -> Table:
    with_references = any(entry.reference for entry in entries)
    rows = []
    for entry in entries:
        row = {"caption": entry.caption, "media_path": f"{CLIPS}/{entry.path}"}
        if with_references:
            row["reference_video"] = _reference(entry) if entry.reference else ""
        rows.append(row)
    return rows


def _reference(entry: Entry) -> str:
    return f"{REFERENCES}/{stem_of(entry.path)}{suffix_of(entry.reference or '')}"


def _layout(file: str, render: Callable[[Table], str]) -> Callable[[Sequence[Entry], Words], Layout]:
    def layout(entries: Sequence[Entry], words: Words) -> Layout:
        made = Layout({file: render(_rows(entries))})
        for entry in entries:
            made.copies[f"{CLIPS}/{entry.path}"] = entry.path
            if entry.reference:
                made.copies[_reference(entry)] = entry.reference
        return made

    return layout


def _json(rows: Table) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def _json_lines(rows: Table) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: Table) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


FORMAT = Format("ltx-trainer", recognise, read, _layout("dataset.json", _json))
JSON_LINES = replace(FORMAT, name="ltx-trainer-jsonl", layout=_layout("dataset.jsonl", _json_lines))
CSV = replace(FORMAT, name="ltx-trainer-csv", layout=_layout("dataset.csv", _csv))
