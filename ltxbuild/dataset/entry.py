"""What the formats exchange: a clip with its caption, as plain values. Knows no format and no file system."""

from __future__ import annotations

from dataclasses import dataclass, field

from ltxbuild.problem import Problem, Span


@dataclass(frozen=True)
class Entry:
    """One clip. `path` and `reference` are paths in the dataset with forward slashes; `span` is the caption's place.

    `stem` is what the clip is called where its file's name says more than that.
    """

    path: str
    caption: str
    repeats: int = 1
    reference: str | None = None
    span: Span | None = None
    stem: str = ""


@dataclass
class Reading:
    """What a reader found: entries, what it leaves and why, files it made use of, words for lora.toml, remarks."""

    entries: list[Entry] = field(default_factory=list)
    left: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)
    trigger: str | None = None
    class_word: str | None = None

    def take(self, entry: Entry) -> None:
        """Add an entry; a clip that is named twice counts once."""
        if entry.path in self.used:
            self.leave("D205", f"{entry.path} is named a second time", entry.span, "its first caption holds")
            return
        self.entries.append(entry)
        self.used |= {entry.path, *((entry.reference,) if entry.reference else ())}

    def leave(self, code: str, message: str, span: Span | None = None, hint: str = "") -> None:
        """Note something that is not taken."""
        self.left.append(Problem(code, message, span, hint, "warning"))


@dataclass(frozen=True)
class Words:
    """What lora.toml calls the concept."""

    trigger: str
    class_word: str


@dataclass
class Layout:
    """The files of a written dataset: texts by path, and copies by path with the name of what is copied."""

    texts: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
