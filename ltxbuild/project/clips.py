"""The files of clips/ and references/: which are clips, what they are called, and which names or kinds of file are refused.

Opens no clip and knows no caption.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.problem import Problem
from ltxbuild.project.names import control_character

VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif"})
IMAGES = frozenset({".png", ".jpg", ".jpeg"})
# What file managers leave behind; hidden files are passed over too.
LITTER = frozenset({"thumbs.db", "desktop.ini"})
FOLDER = "clips"
REFERENCES = "references"


@dataclass(frozen=True)
class ClipFile:
    """One file: `key` is its stem, or its whole name where two files share a stem."""

    key: str
    name: str
    image: bool


def list_clips(root: Path, follow: bool, problems: list[Problem], place: str = FOLDER) -> list[ClipFile]:
    """The clips in the folder `place`, by key; refused entries are added to `problems`. No folder is an empty one."""
    folder = root / place
    if folder.is_symlink() and not follow:
        problems.append(Problem("P306", f"{place}/ is a symlink", hint="call with --follow if that is meant"))
        return []
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if _is_clip(e, follow, problems, place))
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        problems.append(
            Problem(
                "P310", f"{place} is a file, not a folder", hint=f"move it away and put clips into {place}/"
            )
        )
        return []
    except OSError as error:
        problems.append(
            Problem("P310", f"{place}/ cannot be listed: {error.strerror}", hint="look at its permissions")
        )
        return []
    _refuse_clashes(names, problems, place)
    stems = Counter(fold(_stem(name)) for name in names)
    found = [_clip(name, stems[fold(_stem(name))] > 1) for name in names]
    return sorted(found, key=lambda clip: clip.key)


def fold(name: str) -> str:
    """A name as file systems that ignore case and composition see it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def by_caption_key(clips: list[ClipFile]) -> Mapping[str, list[ClipFile]]:
    """Every way in which a caption may name a clip, with the clips that it names: stem and whole name."""
    table: dict[str, list[ClipFile]] = {}
    for clip in clips:
        for way in {fold(clip.name), fold(_stem(clip.name))}:
            table.setdefault(way, []).append(clip)
    return table


def _is_clip(entry: os.DirEntry[str], follow: bool, problems: list[Problem], place: str) -> bool:
    name = entry.name
    if name.startswith(".") or name.casefold() in LITTER:
        return False
    shown = name.encode("unicode_escape").decode("ascii") if control_character(name) else name
    problem = _entry_problem(entry, shown, follow, place)
    if problem is not None:
        problems.append(problem)
    return problem is None


def _entry_problem(entry: os.DirEntry[str], shown: str, follow: bool, place: str) -> Problem | None:
    sign = control_character(entry.name)
    if sign:
        return Problem(
            "P301", f"{place}/{shown} has the invisible character {sign} in its name", hint="rename the file"
        )
    if "\\" in shown:
        return Problem("P301", f"{place}/{shown} has a backslash in its name", hint="rename the file")
    if entry.is_symlink() and not follow:
        return Problem("P306", f"{place}/{shown} is a symlink", hint="copy the file, or call with --follow")
    if entry.is_dir():
        return Problem("P304", f"{place}/{shown} is a folder: {place}/ is flat", hint="move its clips up")
    suffix = os.path.splitext(shown)[1].lower()  # noqa: PTH122 a Path for each of 10,000 names is slow
    if suffix in VIDEOS | IMAGES:
        return None
    if suffix == ".txt":
        return Problem("P305", f"{place}/{shown} is no clip", hint="captions stand in captions.toml")
    kinds = ", ".join(sorted(s[1:] for s in VIDEOS | IMAGES))
    return Problem(
        "P305", f"{place}/{shown} is no clip: its kind is none of {kinds}", hint="convert it, or move it away"
    )


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122


def _clip(name: str, shared_stem: bool) -> ClipFile:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    key = unicodedata.normalize("NFC", name if shared_stem else stem)
    return ClipFile(key, name, suffix.lower() in IMAGES)


def _refuse_clashes(names: list[str], problems: list[Problem], place: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(fold(name), name)
        if other != name:
            what = f"{place}/{other} and {place}/{name} are one name where case or composition does not count"
            problems.append(Problem("P302", what, hint="rename one of them"))
