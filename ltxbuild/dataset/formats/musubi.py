"""The dataset TOML of musubi-tuner, or one of its lists alone.

Facts: kohya-ss/musubi-tuner, docs/dataset_config.md: [general] and [[datasets]] with `video_directory` or
`image_directory` and captions beside the files (`caption_extension`), or `video_jsonl_file` / `image_jsonl_file` with
rows of `video_path` or `image_path`, `caption`, `control_path`; `num_repeats`; `control_directory` has files of the same
names. Paths are seen from the folder where musubi is started.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tomli

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.formats import sidecars
from ltxbuild.dataset.formats.sidecars import Sidecars
from ltxbuild.dataset.listed import find_path, read_list
from ltxbuild.dataset.rows import columns_of
from ltxbuild.dataset.source import Source, suffix_of
from ltxbuild.problem import Problem, ProjectError
from ltxbuild.project.clips import IMAGES
from ltxbuild.project.toml_file import Document, parse_document

DIRECTORIES, LISTS = ("video_directory", "image_directory"), ("video_jsonl_file", "image_jsonl_file")
MEDIA, CONTROL = ("video_path", "image_path"), ("control_path", "control_path_0")
FILE = "dataset.toml"

HEAD = """\
# For musubi-tuner, started in this folder: its paths are seen from there. Resolution and frames are yours to set: by
# default one frame of 960x544 would be trained, so the whole of each video is asked for.

"""


def recognise(source: Source) -> list[Match]:
    """A TOML whose datasets name a folder or a list, or a list with musubi's columns."""
    found = []
    for path in source.lists(".toml"):
        key = next((k for table in _tables(source, path) for k in (*DIRECTORIES, *LISTS) if k in table), None)
        if key:
            found.append(Match(f"{path} has [[datasets]] with `{key}`", path))
    named = {path for match in found for path in _lists(source, match.file)}
    for path in source.lists(".jsonl"):
        column = next((c for c in MEDIA if c in columns_of(source, path)), None)
        if column and path not in named:
            found.append(Match(f"{path} has rows with `{column}`", path))
    return found


def _tables(source: Source, path: str) -> list[Mapping[str, Any]]:
    """The datasets of a TOML that can be read; what cannot be is no configuration of musubi's."""
    text = source.text(path)
    try:
        data = {} if isinstance(text, Problem) else tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError):
        return []
    tables = data.get("datasets")
    return [table for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []


def _lists(source: Source, path: str) -> Iterator[str]:
    for table in _tables(source, path):
        for key in LISTS:
            inside = source.find(str(table.get(key, "")), path)
            if isinstance(inside, str):
                yield inside


def read(source: Source, match: Match) -> Reading:
    """Every dataset of the TOML, or the rows of the list."""
    found = Reading(used={match.file})
    if suffix_of(match.file) == ".jsonl":
        _read_rows(source, match.file, 1, found)
        return found
    text = source.text(match.file)
    problems = [text] if isinstance(text, Problem) else []
    document = parse_document(str(text), match.file, problems) if not problems else Document(match.file)
    if problems:
        raise ProjectError(problems)
    general = document.data.get("general")
    for index, table in enumerate(document.data["datasets"]):
        known = {**(general if isinstance(general, dict) else {}), **table}
        _read_dataset(source, document, index, known, found)
    found.remarks.append(
        f"of {match.file} only paths, captions and repeats are taken, no settings of the training"
    )
    return found


def _read_dataset(
    source: Source, document: Document, index: int, known: Mapping[str, Any], found: Reading
) -> None:
    repeats = known.get("num_repeats", 1)
    if not isinstance(repeats, int) or repeats < 1:
        what = f"num_repeats is {repeats!r}: its clips are drawn once"
        found.leave("D204", what, document.value("datasets", index, "num_repeats"), "write a number from 1")
        repeats = 1
    for key in (*DIRECTORIES, *LISTS):
        if key not in known:
            continue
        span = document.value("datasets", index, key)
        inside = find_path(source, str(known[key]), document.name, span, found)
        if inside is None:
            continue
        if key in LISTS:
            _read_rows(source, inside, repeats, found)
            continue
        control = known.get("control_directory")
        behind = find_path(source, str(control), document.name, span, found) if control else None
        references = sidecars.references_in(source, behind) if behind else None
        suffixes = (str(known.get("caption_extension") or ".txt"),)
        how = Sidecars(suffixes, repeats, references)
        sidecars.read_beside(source, sidecars.in_folder(source, inside), how, found)


def _read_rows(source: Source, path: str, repeats: int, found: Reading) -> None:
    found.used.add(path)
    if path in source.files:
        read_list(source, path, found, media=MEDIA, caption=("caption",), reference=CONTROL, repeats=repeats)


def layout(entries: Sequence[Entry], words: Words) -> Layout:
    """A folder and a [[datasets]] for each kind of clip and number of repeats."""
    made = Layout()
    groups: dict[tuple[str, int, bool], list[Entry]] = {}
    for entry in entries:
        kind = "image" if suffix_of(entry.path) in IMAGES else "video"
        groups.setdefault((kind, entry.repeats, entry.reference is not None), []).append(entry)
    text = HEAD + '[general]\ncaption_extension = ".txt"\n'
    for (kind, repeats, referred), group in sorted(groups.items()):
        folder = f"{kind}s_{repeats}" + ("_with_references" if referred else "")
        sidecars.put_beside(made, folder, group)
        text += f"\n[[datasets]]\n{kind}_directory = {json.dumps(folder)}\nnum_repeats = {repeats}\n"
        if kind == "video":
            text += 'frame_extraction = "full"\n'
        if referred:
            text += f"control_directory = {json.dumps(f'references_{folder}')}\n"
            for entry in group:
                sidecars.put_reference(made, f"references_{folder}", entry)
    made.texts[FILE] = text
    return made


FORMAT = Format("musubi", recognise, read, layout, repeats=True)
