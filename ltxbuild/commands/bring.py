"""`ltxbuild init --from SOURCE`: the clips and captions of another trainer's dataset in a new folder."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.dataset.item import Found, Item
from ltxbuild.project.names import control_character, trigger_fault
from ltxbuild.project.rewriting import quoted

PLACEHOLDER = "[trigger]"  # what ai-toolkit writes where the trigger goes
SHOWN = 20


@dataclass(frozen=True)
class Brought:
    """A clip under its name in the project."""

    name: str
    item: Item


def common_trigger(found: Found, class_word: str) -> str | None:
    """The invented word that all captions begin with, if there is one."""
    firsts = {(item.caption or "").split(" ", 1)[0].rstrip(",.:;") for item in found.items}
    word = firsts.pop() if len(firsts) == 1 else ""
    invented = any(sign in word for sign in "_-0123456789")
    return word if invented and len(found.items) > 1 and trigger_fault(word, class_word) is None else None


def placed(found: Found) -> list[Brought]:
    """Each clip with a name that is safe and unique in one folder, where case does not count; changes are told."""
    taken: set[str] = set()
    clips = []
    for item in found.items:
        name = "".join("_" if c in '/\\:*?"<>|' or control_character(c) else c for c in item.path.name)
        name = unicodedata.normalize("NFC", name).lstrip(".-") or "clip"
        stem, suffix = Path(name).stem, Path(name).suffix
        count = 1
        # Two clips of one stem need their whole name as key; a number reads better.
        while Path(name).stem.casefold() in taken:
            count += 1
            name = f"{stem}_{count}{suffix}"
        taken.add(Path(name).stem.casefold())
        if name != item.path.name:
            print(f"clips/{name}: was {item.path.name!r}", file=sys.stderr)
        clips.append(Brought(name, item))
    return sorted(clips, key=lambda clip: clip.name)


def copy_clips(clips: list[Brought], target: Path) -> None:
    """Into clips/ and references/ of a new folder."""
    from ltxbuild.engine.files import copy

    for clip in clips:
        copy(clip.item.path, target / "clips" / clip.name)
        if clip.item.reference is not None:
            suffix = clip.item.reference.suffix
            copy(clip.item.reference, target / "references" / (Path(clip.name).stem + suffix))


def captions_text(clips: list[Brought], trigger: str, head: str) -> str:
    """captions.toml: one line a clip; a clip without caption has none, and lint says so."""
    lines = [head.rstrip() + "\n"]
    for clip in clips:
        if clip.item.caption is None:
            continue
        caption = quoted(
            "".join(c for c in clip.item.caption if not control_character(c)).replace(PLACEHOLDER, trigger)
        )
        key = quoted(Path(clip.name).stem)
        key = Path(clip.name).stem if _bare(Path(clip.name).stem) else key
        repeats = min(100, clip.item.repeats)
        more = f"{{ caption = {caption}, repeats = {repeats} }}" if repeats > 1 else caption
        lines.append(f"{key} = {more}\n")
    return "\n".join(lines[:1]) + "\n" + "".join(lines[1:])


def _bare(key: str) -> bool:
    return key.isascii() and bool(key) and all(c.isalnum() or c in "_-" for c in key)


def tell(found: Found, clips: list[Brought]) -> None:
    """What was taken and what was not."""
    without = sum(clip.item.caption is None for clip in clips)
    said = f", {without} of them without a caption" if without else ""
    print(f"read as {found.form}: {len(clips)} clips{said}", file=sys.stderr)
    for place, reason in found.left_out[:SHOWN]:
        print(f"left out: {place}: {reason}", file=sys.stderr)
    if len(found.left_out) > SHOWN:
        print(f"left out: {len(found.left_out) - SHOWN} more", file=sys.stderr)


def replaced(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files of the new folder over the template's."""
    from ltxbuild.engine.files import write_atomic

    for name, text in texts.items():
        write_atomic(folder / name, text.encode("utf-8"))
