"""What every form of dataset comes down to: files with captions, and what had to be left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MEDIA = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif", ".png", ".jpg", ".jpeg"})
SIDECARS = (".txt", ".caption")


@dataclass(frozen=True)
class Item:
    """One clip: its file, caption (None: none), how often it is drawn, and the file that it is made from (IC-LoRA)."""

    path: Path
    caption: str | None
    repeats: int = 1
    reference: Path | None = None


@dataclass
class Found:
    """What a source holds: `form` in words, items, and (place, reason) of what was left out."""

    form: str
    items: list[Item] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def inside(path: Path, folder: Path) -> bool:
    """Whether a path, with all links followed, lies in the folder: nothing else is read."""
    return path.resolve().is_relative_to(folder.resolve())
