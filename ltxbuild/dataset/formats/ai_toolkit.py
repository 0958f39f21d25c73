"""The YAML configuration of ai-toolkit with the folders that it names.

Facts: ostris/ai-toolkit, config/examples and toolkit/config_modules.py: config.process[].datasets[] with `folder_path`,
`caption_ext`, `num_repeats`, `control_path` (files of the same names), `default_caption`, `is_reg`; `trigger_word` of
the process or of a dataset; toolkit/prompt_utils.py: `[trigger]` in a caption becomes the trigger, and a caption without
it gets it in front. A folder without a configuration is read as clips with sidecars.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.formats import sidecars
from ltxbuild.dataset.formats.sidecars import Sidecars
from ltxbuild.dataset.listed import find_path
from ltxbuild.dataset.source import Source
from ltxbuild.dataset.wording import PLACEHOLDERS
from ltxbuild.problem import Problem, ProjectError, Span, fail

FILE = "config.yaml"
LARGEST = 2**20
HEAD = """\
# The part of an ai-toolkit configuration that says the dataset: put network, train and model beside it, and the paths
# of this folder in front of the folders.
"""


def recognise(source: Source) -> list[Match]:
    """A YAML file that names folders of datasets."""
    found = []
    for path in source.lists(".yaml", ".yml"):
        text = source.text(path, LARGEST)
        if isinstance(text, str) and "datasets:" in text and "folder_path:" in text:
            found.append(Match(f"{path} has datasets with `folder_path`", path))
    return found


def read(source: Source, match: Match) -> Reading:
    """Every dataset of every process."""
    found = Reading(used={match.file})
    triggers = set()
    for trigger, table in _datasets(_parse(source, match.file)):
        before = len(found.entries)
        _read_dataset(source, match.file, table, found)
        if trigger:
            triggers.add(trigger)
            fresh = found.entries[before:]
            found.entries[before:] = [_with_trigger(entry, trigger) for entry in fresh]
            count = sum(old is not new for old, new in zip(fresh, found.entries[before:], strict=True))
            if count:
                found.remarks.append(
                    f"{count} captions lack {trigger}: it is put in front, as ai-toolkit does"
                )
    found.trigger = triggers.pop() if len(triggers) == 1 else None
    found.remarks.append(f"of {match.file} only paths, captions, repeats and trigger are taken, no settings")
    return found


def _parse(source: Source, path: str) -> Any:
    """The configuration. Raises ProjectError D104 for a syntax error, D106 where no YAML can be read."""
    try:
        import yaml
    except ImportError:
        hint = "`pip install pyyaml`, or name the folder of clips instead of the configuration"
        raise fail("D106", f"{path} cannot be read: PyYAML is not installed", hint) from None
    text = source.text(path, LARGEST)
    if isinstance(text, Problem):
        raise ProjectError([text])
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        span = Span(path, mark.line + 1, mark.column + 1) if mark is not None else Span(path, 1)
        what = f"{path} is not valid YAML: {getattr(error, 'problem', None) or error}"
        raise ProjectError([Problem("D104", what, span, "correct it there")]) from None
    except RecursionError:
        raise fail("D104", f"{path} nests too deeply", "name the folder of clips instead") from None


def _datasets(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Trigger and table of each dataset; parts of another shape are passed over, as they name no folder."""
    config = data.get("config", data) if isinstance(data, dict) else {}
    processes = config.get("process", [config]) if isinstance(config, dict) else []
    for process in processes if isinstance(processes, list) else []:
        tables = process.get("datasets") if isinstance(process, dict) else None
        for table in tables if isinstance(tables, list) else []:
            if isinstance(table, dict) and isinstance(table.get("folder_path"), str):
                yield str(table.get("trigger_word") or process.get("trigger_word") or ""), table


def _read_dataset(source: Source, path: str, table: Mapping[str, Any], found: Reading) -> None:
    # YAML gives no lines once it is read: the file is all that can be named.
    span = Span(path, 1)
    folder = find_path(source, table["folder_path"], path, span, found)
    if folder is None:
        return
    clips = sidecars.in_folder(source, folder)
    if table.get("is_reg"):
        hint = "`prior` of [train] holds to the base's own pictures instead"
        found.leave("D206", f"{folder}/ is for regularisation", span, hint)
        found.used |= set(clips)
        return
    control = table.get("control_path")
    named = isinstance(control, str) and control != ""
    behind = find_path(source, str(control), path, span, found) if named else None
    references = sidecars.references_in(source, behind) if behind else {}
    repeats = table.get("num_repeats", 1)
    if not isinstance(repeats, int) or repeats < 1:
        found.leave(
            "D204", f"num_repeats is {repeats!r}: its clips are drawn once", span, "write a number from 1"
        )
        repeats = 1
    suffix = "." + str(table.get("caption_ext") or "txt").lstrip(".")
    how = Sidecars((suffix,), repeats, references, str(table.get("default_caption") or ""))
    sidecars.read_beside(source, clips, how, found)


def _with_trigger(entry: Entry, trigger: str) -> Entry:
    if trigger in entry.caption or any(place in entry.caption for place in PLACEHOLDERS):
        return entry
    return replace(entry, caption=f"{trigger}, {entry.caption}")


def layout(entries: Sequence[Entry], words: Words) -> Layout:
    """A folder for each number of repeats. Texts are JSON strings, which YAML reads."""
    made = Layout()
    groups: dict[tuple[int, bool], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.repeats, entry.reference is not None), []).append(entry)
    trigger = json.dumps(words.trigger, ensure_ascii=False)
    text = f"{HEAD}config:\n  process:\n    - trigger_word: {trigger}\n      datasets:\n"
    for (repeats, referred), group in sorted(groups.items()):
        folder = f"clips_{repeats}" + ("_with_references" if referred else "")
        sidecars.put_beside(made, folder, group)
        text += f"        - folder_path: {json.dumps(folder)}\n"
        text += f'          caption_ext: "txt"\n          num_repeats: {repeats}\n'
        if referred:
            text += f"          control_path: {json.dumps(f'references_{folder}')}\n"
            for entry in group:
                sidecars.put_reference(made, f"references_{folder}", entry)
    made.texts[FILE] = text
    return made


FORMAT = Format("ai-toolkit", recognise, read, layout, repeats=True)
