"""Clips with a text file of the same name beside each: the common ground of most trainers.

Extensions: `.txt` everywhere; `.caption` is the default of sd-scripts (kohya-ss/sd-scripts, library/config_util.py).
A folder `references/` with files of the same name as the clips is this project's own way to say them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.format import Format, Match
from ltxbuild.dataset.source import LARGEST_SIDECAR, Source, stem_of, suffix_of
from ltxbuild.problem import Problem, Span

SUFFIXES = (".txt", ".caption")
REFERENCES = "references"


@dataclass(frozen=True)
class Sidecars:
    """How the captions beside clips are found, and what a folder of them has in common."""

    suffixes: tuple[str, ...] = SUFFIXES
    repeats: int = 1
    references: Mapping[str, str] | None = None
    fallback: str = ""


def read_beside(source: Source, clips: Iterable[str], how: Sidecars, found: Reading) -> None:
    """Take each clip with the caption beside it; `references` are looked up by the clip's bare stem."""
    for clip in clips:
        sidecar = next((stem_of(clip) + s for s in how.suffixes if stem_of(clip) + s in source.files), None)
        text: str | Problem = how.fallback
        span = None
        if sidecar is not None:
            found.used |= {stem_of(clip) + suffix for suffix in how.suffixes}
            text, span = source.text(sidecar, LARGEST_SIDECAR), Span(sidecar, 1)
        if isinstance(text, Problem):
            found.leave(text.code, f"{clip} has no caption: {text.message}", text.span, text.hint)
            found.used.add(clip)
        elif sidecar is None and not text:
            beside = posixpath.basename(stem_of(clip)) + how.suffixes[0]
            found.leave("D201", f"{clip} has no caption", None, f"write {beside} beside it")
            found.used.add(clip)
        else:
            reference = (how.references or {}).get(posixpath.basename(stem_of(clip)))
            found.take(Entry(clip, text, how.repeats, reference, span))


def in_folder(source: Source, folder: str) -> list[str]:
    """The clips directly in a folder; `.` is the source's own."""
    own = "" if folder == "." else folder
    return [clip for clip in source.clips() if posixpath.dirname(clip) == own]


def references_in(source: Source, folder: str) -> dict[str, str]:
    """The clips of a folder by their bare stems."""
    return {posixpath.basename(stem_of(clip)): clip for clip in in_folder(source, folder)}


def recognise(source: Source) -> list[Match]:
    """At least one clip has a text beside it."""
    pairs = [c for c in source.clips() if any(stem_of(c) + s in source.files for s in SUFFIXES)]
    if source.only or not pairs:
        return []
    return [Match(f"{pairs[0]} has its caption beside it")]


def read(source: Source, match: Match) -> Reading:
    """All clips in all folders but `references/`."""
    found = Reading()
    references = references_in(source, REFERENCES)
    clips = [clip for clip in source.clips() if clip not in references.values()]
    read_beside(source, clips, Sidecars(references=references), found)
    return found


def layout(entries: Sequence[Entry], words: Words) -> Layout:
    """NAME.mp4 and NAME.txt side by side, references in a folder of theirs."""
    made = Layout()
    put_beside(made, "", entries)
    for entry in entries:
        put_reference(made, REFERENCES, entry)
    return made


def put_beside(made: Layout, folder: str, entries: Iterable[Entry]) -> None:
    """Clips and captions into `folder`. No newline at the end: a trainer that strips nothing would learn it."""
    for entry in entries:
        made.copies[posixpath.join(folder, entry.path)] = entry.path
        made.texts[posixpath.join(folder, stem_of(entry.path) + ".txt")] = entry.caption


def put_reference(made: Layout, folder: str, entry: Entry) -> None:
    """The entry's reference, under the clip's stem."""
    if entry.reference is not None:
        name = stem_of(entry.path) + suffix_of(entry.reference)
        made.copies[posixpath.join(folder, name)] = entry.reference


FORMAT = Format("sidecars", recognise, read, layout)
