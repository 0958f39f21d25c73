"""Folders `REPEATS_IDENTIFIER CLASS` of kohya's sd-scripts, with a caption beside each file.

Facts: kohya-ss/sd-scripts, docs/train_README-en.md (the folder's name; without a caption a file is trained with
`identifier class`) and library/config_util.py (folders without a number in front are passed over, `.caption` is the
default extension).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.formats import sidecars
from ltxbuild.dataset.formats.sidecars import Sidecars
from ltxbuild.dataset.source import Source

FOLDER = re.compile(r"(\d{1,6})_(.+)")


def _folders(source: Source) -> dict[str, tuple[int, str]]:
    """Repeats and the rest of the name of each folder at the top that has clips."""
    tops = sorted({clip.split("/")[0] for clip in source.clips() if clip.count("/") == 1})
    matches = {top: match for top in tops if (match := FOLDER.fullmatch(top))}
    return {top: (int(match[1]), match[2].strip()) for top, match in matches.items()}


def recognise(source: Source) -> list[Match]:
    """A folder at the top begins with a number and an underscore."""
    folders = [] if source.only else list(_folders(source))
    return [Match(f"the folder `{folders[0]}` begins with its repeats")] if folders else []


def read(source: Source, match: Match) -> Reading:
    """The files directly in the folders; the words of the names where they agree."""
    found = Reading()
    names = set()
    for folder, (repeats, words) in _folders(source).items():
        clips = sidecars.in_folder(source, folder)
        if repeats == 0:
            found.leave("D206", f"{folder}/ has 0 repeats", None, "kohya's trainers pass over it too")
            found.used |= set(clips)
            continue
        names.add(words)
        sidecars.read_beside(source, clips, Sidecars(repeats=repeats, fallback=words), found)
        bare = [entry.path for entry in found.entries if entry.path in clips and entry.span is None]
        if bare:
            found.remarks.append(f"{len(bare)} of {folder}/ have no caption and get the folder's: {words}")
    identifier, _, class_word = (names.pop() if len(names) == 1 else "").partition(" ")
    if identifier and all(identifier in entry.caption for entry in found.entries):
        found.trigger, found.class_word = identifier, class_word or None
    return found


def layout(entries: Sequence[Entry], words: Words) -> Layout:
    """A folder for each number of repeats."""
    made = Layout()
    for entry in entries:
        folder = f"{entry.repeats}_{words.trigger} {words.class_word}"
        sidecars.put_beside(made, folder, [entry])
    return made


FORMAT = Format("kohya", recognise, read, layout, repeats=True, references=False)
