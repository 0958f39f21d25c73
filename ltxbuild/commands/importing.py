"""What `ltxbuild init TYPE DIR --from SOURCE` does and says: reads, asks for the words, writes, tells what is left."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ltxbuild.commands.init import name_of, say_next, words_of
from ltxbuild.dataset.entry import Words
from ltxbuild.dataset.import_project import Placed, place, wanted_stem, write_project
from ltxbuild.dataset.read import Dataset, read_dataset
from ltxbuild.dataset.wording import PLACEHOLDERS, shared_word
from ltxbuild.problem import Problem, fail, render
from ltxbuild.project.names import class_fault, trigger_fault


def start_from(args: argparse.Namespace, target: Path) -> None:
    """Import a dataset into a new project. Raises ProjectError."""
    if target.exists() or target.is_symlink():
        # Before a question is asked, and before gigabytes are copied.
        raise fail(
            "P106", f"{target} exists and is not overwritten", "choose another folder, or move it away"
        )
    dataset = read_dataset(Path(args.source))
    folder = dataset.source.place.resolve()
    if folder.is_dir() and folder in target.resolve().parents:
        what = f"{target} would lie inside of the dataset's folder, where nothing is changed"
        raise fail("D150", what, f"choose a folder beside it, such as {folder.parent / target.name}")
    _say(f"format: {dataset.format.name}, because {dataset.reason}")
    name = name_of(target)
    _take_words(args, dataset)
    trigger, class_word = words_of(args, name)
    placed = place(dataset.reading.entries, trigger)
    write_project(args.type, target, name, Words(trigger, class_word), dataset, placed)
    _tell(args, dataset, placed, trigger)
    say_next(target, "read captions.toml, then run `ltxbuild lint` in the folder")


def _take_words(args: argparse.Namespace, dataset: Dataset) -> None:
    """Put what the dataset says of trigger and class where the command line says nothing."""
    from ltxbuild.lint.vocabulary import familiarity

    found = dataset.reading
    if found.trigger and (why := trigger_fault(found.trigger, args.class_word or found.class_word or "")):
        _say(f"the dataset's trigger `{found.trigger}` is not taken: {why}")
        found.trigger = None
    if found.class_word and (why := class_fault(found.class_word)):
        _say(f"the dataset's class `{found.class_word}` is not taken: {why}")
        found.class_word = None
    if args.trigger is None:
        captions = [entry.caption for entry in found.entries]
        args.trigger = found.trigger or shared_word(captions, lambda word: familiarity(word) is not None)
        if args.trigger is not None:
            why = "the dataset says so" if found.trigger else "every caption begins with it"
            _say(f"trigger = {args.trigger}: {why} (--trigger chooses another)")
    if args.class_word is None and found.class_word:
        args.class_word = found.class_word
        _say(f"class = {args.class_word}: the dataset says so (--class chooses another)")


def _tell(args: argparse.Namespace, dataset: Dataset, placed: Sequence[Placed], trigger: str) -> None:
    found = dataset.reading
    if args.type == "control":
        bare = [one.entry for one in placed if not one.entry.reference]
        problems = [_warning(f"{entry.path} has no reference", "put one into references/") for entry in bare]
    else:
        behind = sorted({entry.reference for entry in found.entries if entry.reference})
        hint = "references belong to projects of type control"
        problems = [_warning(f"{path} is not taken", hint) for path in behind]
    for problem in (*found.left, *problems):
        print(render(problem), file=sys.stderr)
    for one in placed:
        if one.renamed:
            _say(
                f"{one.entry.path} is called {one.file}: `{wanted_stem(one.entry)}` is taken or no safe name"
            )
    filled = sum(any(p in entry.caption for p in PLACEHOLDERS) for entry in found.entries)
    if filled:
        _say(f"{filled} captions had a place for the trigger, and say {trigger} there")
    for remark in found.remarks:
        _say(remark)
    references = sum(one.entry.reference is not None for one in placed) if args.type == "control" else 0
    also = f" and {references} references" if references else ""
    left = f"; {len(found.left) + len(problems)} notes above" if found.left or problems else ""
    _say(f"took {len(placed)} clips with their captions{also}{left}")


def _warning(message: str, hint: str) -> Problem:
    return Problem("D211", message, hint=hint, severity="warning")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
