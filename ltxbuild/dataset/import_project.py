"""A new project from what was read: its template, clips under safe names, captions.toml. Asks nobody anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.dataset.copying import copy_out
from ltxbuild.dataset.entry import Entry, Words
from ltxbuild.dataset.fresh import fresh_folder
from ltxbuild.dataset.names import unique_stems
from ltxbuild.dataset.read import Dataset
from ltxbuild.dataset.source import stem_of, suffix_of
from ltxbuild.dataset.wording import one_line, with_trigger
from ltxbuild.engine.files import sync_file
from ltxbuild.problem import Problem, ProjectError, fail
from ltxbuild.project.captions_edit import key_text, quoted
from ltxbuild.project.template import write_template
from ltxbuild.project.toml_file import LARGEST

CLIPS, REFERENCES = "clips", "references"


@dataclass(frozen=True)
class Placed:
    """An entry and the stem that its clip has in the project."""

    entry: Entry
    stem: str

    @property
    def file(self) -> str:
        """The clip's name in clips/."""
        return self.stem + suffix_of(self.entry.path)

    @property
    def renamed(self) -> bool:
        """Whether the name differs from the one in the source, apart from the case of its extension."""
        return self.stem != wanted_stem(self.entry)


def wanted_stem(entry: Entry) -> str:
    """What a clip is called in its source."""
    return entry.stem or stem_of(entry.path.rpartition("/")[2])


def place(entries: Sequence[Entry], trigger: str) -> list[Placed]:
    """Each entry with a name of its own, sorted by it, and the trigger where a caption has a place for it."""
    ordered = sorted(with_trigger(entries, trigger), key=lambda entry: entry.path)
    stems = unique_stems(wanted_stem(entry) for entry in ordered)
    placed = [Placed(entry, stem) for entry, stem in zip(ordered, stems, strict=True)]
    return sorted(placed, key=lambda one: one.stem)


def write_project(
    kind: str, target: Path, name: str, words: Words, dataset: Dataset, placed: Sequence[Placed]
) -> None:
    """Write the project, whole or not at all. Raises ProjectError: P106 and others of `init`, D107 to D109."""
    text = captions_text(placed)
    if len(text.encode()) > LARGEST - 2**16:
        raise fail(
            "D107", "the captions are longer than captions.toml may be", "import a part of the dataset"
        )
    with fresh_folder(target) as folder:
        write_template(
            kind, folder, name=name, trigger=words.trigger, class_word=words.class_word, base="ltx-2.3"
        )
        with (folder / "captions.toml").open("a", encoding="utf-8", newline="\n") as file:
            file.write("\n" + text)
        sync_file(folder / "captions.toml")
        problems = list(_copy_all(folder, kind == "control", dataset, placed))
        if problems:
            raise ProjectError(problems)


def _copy_all(
    folder: Path, references: bool, dataset: Dataset, placed: Sequence[Placed]
) -> Iterator[Problem]:
    for one in placed:
        copies = [(one.entry.path, f"{CLIPS}/{one.file}")]
        if references and one.entry.reference:
            copies.append((one.entry.reference, f"{REFERENCES}/{one.stem}{suffix_of(one.entry.reference)}"))
        for path, inside in copies:
            problem = copy_out(dataset.source, path, folder / inside)
            if problem is not None:
                yield problem


def captions_text(placed: Sequence[Placed]) -> str:
    """The lines of captions.toml, one a clip; a table where a clip is repeated."""
    lines = []
    for one in placed:
        caption = quoted(one_line(one.entry.caption))
        if one.entry.repeats != 1:
            caption = f"{{ caption = {caption}, repeats = {one.entry.repeats} }}"
        lines.append(f"{key_text(one.stem)} = {caption}\n")
    return "".join(lines)
