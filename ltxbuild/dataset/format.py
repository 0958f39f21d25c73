"""What a format is: how it is recognised, read and written, and what it has no word for. Knows no format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ltxbuild.dataset.entry import Entry, Layout, Reading, Words
from ltxbuild.dataset.source import Source


@dataclass(frozen=True)
class Match:
    """Why a source is of a format; `file` is the list or configuration that says so, if one does."""

    reason: str
    file: str = ""


def _no_remarks(_: Sequence[Entry]) -> list[str]:
    return []


@dataclass(frozen=True)
class Format:
    """One format. `repeats` and `references`: whether it can say them; `zipped`: whether it is one file."""

    name: str
    recognise: Callable[[Source], list[Match]]
    read: Callable[[Source, Match], Reading]
    layout: Callable[[Sequence[Entry], Words], Layout]
    repeats: bool = False
    references: bool = True
    zipped: bool = False
    remarks: Callable[[Sequence[Entry]], list[str]] = _no_remarks
