"""A project as entries for a format to write, and what the format has no word for. Writes nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.dataset.entry import Entry
from ltxbuild.dataset.format import Format
from ltxbuild.dataset.names import unique_stems
from ltxbuild.dataset.source import CLIPS, stem_of, suffix_of
from ltxbuild.problem import fail
from ltxbuild.project.clips import fold
from ltxbuild.project.project import Clip, Project

REFERENCES = "references"


@dataclass(frozen=True)
class Outgoing:
    """Entries with the names that their files get, and the file behind each name that an entry uses."""

    entries: list[Entry]
    originals: dict[str, Path]


def exported(project: Project) -> list[Clip]:
    """The clips that belong to the dataset. Raises ProjectError D301 if there is none."""
    clips = [clip for clip in project.clips if clip.caption and not clip.skip]
    if not clips:
        hint = "write captions into captions.toml; clips with skip = true are left out"
        raise fail("D301", "this project has no clip with a caption to export", hint)
    return clips


def is_cut(clip: Clip) -> bool:
    """Whether only a piece of the file belongs to the dataset."""
    return clip.start is not None or clip.end is not None


def outgoing(project: Project, pieces: Mapping[str, Path]) -> Outgoing:
    """The project's clips as entries; `pieces` are transcoded clips by key, which stand for their originals."""
    clips = exported(project)
    behind = _references(project.root)
    stems = unique_stems(stem_of(clip.path.rpartition("/")[2]) for clip in clips)
    entries, originals = [], {}
    for clip, stem in zip(clips, stems, strict=True):
        piece = pieces.get(clip.key)
        name = stem + (".mp4" if piece else suffix_of(clip.path))
        originals[name] = piece or project.root / clip.path
        reference = behind.get(fold(stem_of(clip.path.rpartition("/")[2])))
        key = None if reference is None else f"{REFERENCES}/{stem}{suffix_of(reference.name)}"
        if key is not None and reference is not None:
            originals[key] = reference
        entries.append(Entry(name, clip.caption or "", clip.repeats, key))
    return Outgoing(entries, originals)


def _references(root: Path) -> dict[str, Path]:
    """Files of references/ by folded stem; links are passed over as in clips/."""
    folder = root / REFERENCES
    found = sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []
    return {
        fold(path.stem): path
        for path in found
        if suffix_of(path.name) in CLIPS and path.is_file() and not path.is_symlink()
    }


def unsaid(project: Project, form: Format, out: Outgoing) -> list[str]:
    """What the project says and the written dataset does not."""
    clips = exported(project)
    left = [clip.key for clip in project.clips if clip.skip]
    bare = [clip.key for clip in project.clips if not clip.caption and not clip.skip]
    lines = [
        _line("left out, as they say skip", left),
        _line("left out, as they have no caption", bare),
        _line(
            f"{form.name} has no word for holdout: exported as any clip", (c.key for c in clips if c.holdout)
        ),
        _line(
            f"{form.name} has no word for draft: nobody has read these captions",
            (c.key for c in clips if c.draft),
        ),
    ]
    weighted = (f"{clip.key} ({clip.weight:g})" for clip in clips if clip.weight != 1)
    lines.append(_line(f"{form.name} has no word for weight", weighted))
    if not form.repeats:
        repeated = (f"{clip.key} ({clip.repeats})" for clip in clips if clip.repeats != 1)
        lines.append(_line(f"{form.name} has no word for repeats", repeated))
    if not form.references:
        referred = (entry.path for entry in out.entries if entry.reference)
        lines.append(_line(f"{form.name} has no word for references", referred))
    return [line for line in lines if line]


def _line(what: str, keys: Iterable[str]) -> str:
    named = ", ".join(keys)
    return f"{what}: {named}" if named else ""
