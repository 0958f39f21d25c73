"""metadata.jsonl or metadata.csv beside the files, as the Hub's VideoFolder and ImageFolder read it.

Facts: huggingface.co/docs/datasets/video_dataset: the column `file_name` is the path seen from the list, other columns
are free; `text` is the usual one for captions. `reference_file_name` and `repeats` are further columns of ours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.formats.sidecars import put_reference
from ltxbuild.dataset.listed import read_list
from ltxbuild.dataset.rows import columns_of
from ltxbuild.dataset.source import Source, stem_of, suffix_of

CAPTION = ("text", "caption", "prompt")
FILE, REFERENCE, REPEATS = "file_name", "reference_file_name", "repeats"
REFERENCES = "references"


def recognise(source: Source) -> list[Match]:
    """A list whose first row has `file_name` and a column for captions."""
    found = []
    for path in source.lists(".jsonl", ".csv"):
        columns = columns_of(source, path)
        caption = next((column for column in CAPTION if column in columns), None)
        if FILE in columns and caption:
            found.append(Match(f"{path} has rows with `{FILE}` and `{caption}`", path))
    return found


def read(source: Source, match: Match) -> Reading:
    """One entry a row."""
    found = Reading(used={match.file})
    read_list(
        source,
        match.file,
        found,
        media=(FILE,),
        caption=CAPTION,
        reference=(REFERENCE,),
        repeats_column=REPEATS,
    )
    return found


def layout(entries: Sequence[Entry], words: Words) -> Layout:
    """Every row has the same columns, as loaders want it; those that say nothing are left out of all."""
    made = Layout()
    several = any(entry.repeats != 1 for entry in entries)
    references = any(entry.reference for entry in entries)
    lines = []
    for entry in entries:
        row: dict[str, str | int | None] = {FILE: entry.path, "text": entry.caption}
        if references:
            name = f"{REFERENCES}/{stem_of(entry.path)}{suffix_of(entry.reference or '')}"
            row[REFERENCE] = name if entry.reference else None
        if several:
            row[REPEATS] = entry.repeats
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        made.copies[entry.path] = entry.path
        put_reference(made, REFERENCES, entry)
    made.texts["metadata.jsonl"] = "".join(lines)
    return made


FORMAT = Format("metadata", recognise, read, layout, repeats=True)
