"""From a path to entries: opens the source, tells the format by its content, lists everything that is not taken."""

from __future__ import annotations

import math
import os
import stat
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from ltxbuild.dataset.archive import open_archive
from ltxbuild.dataset.entry import Reading
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.formats import BY_FILE, BY_NAMES
from ltxbuild.dataset.formats.kohya import FOLDER
from ltxbuild.dataset.formats.sidecars import SUFFIXES
from ltxbuild.dataset.source import CLIPS, Folder, Source, suffix_of
from ltxbuild.dataset.wording import clean
from ltxbuild.problem import Problem, ProjectError, fail
from ltxbuild.project.captions import MOST_REPEATS
from ltxbuild.project.project import CAPTIONS, LORA

LISTS = (".json", ".jsonl", ".csv", ".toml", ".yaml", ".yml")
DEEPEST_WRAP = 3


@dataclass(frozen=True)
class Dataset:
    """A source that was read."""

    source: Source
    format: Format
    reason: str
    reading: Reading


def read_dataset(place: Path) -> Dataset:
    """Read the dataset at `place`. Raises ProjectError: D101 to D107; what single clips lack is in `reading.left`."""
    source = open_source(place)
    _unwrap(source)
    form, match = _recognise(source)
    found = form.read(source, match)
    clean(found)
    _relative_repeats(found)
    found.left += source.left
    _leftovers(source, match, found)
    if not found.entries:
        none = Problem("D105", f"no clip of {source.name} can be taken", hint="the reasons stand above")
        raise ProjectError([*found.left, none])
    return Dataset(source, form, match.reason, found)


def open_source(place: Path) -> Source:
    """The folder, zip, or folder of the named list. Raises ProjectError D101, D102, D107."""
    name = place.name or str(place)
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            folder = Folder(place, name)
            folder.fill()
            return folder
        if stat.S_ISREG(mode) and zipfile.is_zipfile(place):
            return open_archive(place, name)
        if stat.S_ISREG(mode) and suffix_of(name) in LISTS:
            folder = Folder(place.parent, place.absolute().parent.name, only=name)
            folder.fill()
            # A link in the place of the list is not in the listing, and would be read from elsewhere.
            if name in folder.files:
                return folder
    except OSError as error:
        raise fail(
            "D101", f"{place} cannot be read: {os.strerror(error.errno or 0)}", "look at the path"
        ) from None
    hint = f"name a folder, a zip, or a list ({', '.join(LISTS)})"
    raise fail("D101", f"{place} is no dataset that can be read", hint)


def _unwrap(source: Source) -> None:
    """Enter a folder that holds everything, as the ROOT of many zips; not one of kohya's, whose name says something."""
    for _ in range(DEEPEST_WRAP):
        tops = {path.split("/")[0] for path in source.files}
        wrapped = len(tops) == 1 and not source.only and tops.isdisjoint(source.files)
        if not wrapped or FOLDER.fullmatch(min(tops)):
            return
        source.enter(tops.pop())


def _recognise(source: Source) -> tuple[Format, Match]:
    """The one format that fits. Raises ProjectError D103 for none, or for two lists that may both be meant."""
    if not source.only and {LORA, CAPTIONS} <= source.files.keys():
        hint = "copy the folder, or export a dataset from it with `ltxbuild export --dataset`"
        raise fail("D103", f"{source.name} is a project of ltxbuild already", hint)
    found = [(form, match) for form in BY_FILE for match in form.recognise(source)]
    if len(found) > 1:
        named = "; ".join(f"{form.name}: {match.reason}" for form, match in found)
        hint = f"name the one that is meant: --from {source.name}/{found[0][1].file}"
        raise fail("D103", f"{source.name} may be read in {len(found)} ways: {named}", hint)
    found += [(form, match) for form in BY_NAMES for match in form.recognise(source)]
    if not found:
        what = f"{source.only or source.name} is of no known format"
        hint = "clips need a .txt of the same name beside each, or a list that names them; docs/datasets.md has all"
        raise ProjectError([*source.left, Problem("D103", what, hint=hint)])
    return found[0]


def _relative_repeats(found: Reading) -> None:
    """Repeats count in comparison with each other: a common factor says nothing, and goes."""
    if not found.entries:
        return
    factor = math.gcd(*(entry.repeats for entry in found.entries))
    if factor > 1:
        found.entries = [replace(entry, repeats=entry.repeats // factor) for entry in found.entries]
        found.remarks.append(f"repeats are relative: all were divided by {factor}")
    for entry in found.entries:
        if entry.repeats > MOST_REPEATS:
            what = f"{entry.path} is drawn {entry.repeats} times as often as others; {MOST_REPEATS} are taken"
            found.leave("D204", what, entry.span, f"more than {MOST_REPEATS} is no balance any more")
    found.entries = [replace(entry, repeats=min(entry.repeats, MOST_REPEATS)) for entry in found.entries]


def _leftovers(source: Source, match: Match, found: Reading) -> None:
    """Every file that nothing made use of, with the reason."""
    for path in source.files:
        if path in found.used:
            continue
        suffix = suffix_of(path)
        if suffix in CLIPS and match.file:
            found.leave("D201", f"{path} is not named in {match.file}", None, "add a row for it")
        elif suffix in CLIPS:
            found.leave("D201", f"{path} belongs to no clip", None, "name it as a clip with a caption")
        elif suffix in SUFFIXES:
            found.leave("D202", f"{path} captions no clip", None, "give it the name of its clip")
        else:
            found.leave("D206", f"{path} is no clip", None, "it stays where it is")
