"""`ltxbuild init TYPE [DIR]`: a new folder from a template."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from ltxbuild.problem import fail

TYPES = ("character", "object", "style", "motion", "world", "control")
# The ordinary word that a folder starts with when nobody is there to be asked; the template says to change it.
CLASS_WORDS = {
    "character": "woman",
    "object": "object",
    "style": "video",
    "motion": "movement",
    "world": "place",
    "control": "video",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """TYPE, DIR and what would be asked on a terminal."""
    parser.add_argument("type", choices=TYPES, help="what the LoRA teaches")
    parser.add_argument(
        "dir", nargs="?", metavar="DIR", help="the new folder (default: named after the type)"
    )
    parser.add_argument("--trigger", help="the invented word that calls the concept, for instance mira_char")
    parser.add_argument(
        "--class", dest="class_word", metavar="WORD", help="the ordinary word for it: woman, car"
    )
    content = parser.add_mutually_exclusive_group()
    content.add_argument(
        "--demo", action="store_true", help="with generated clips and captions that build at once"
    )
    content.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="with the clips and captions of a dataset: a folder, a zip, or a list of clips (docs/datasets.md)",
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder; nothing that exists is overwritten."""
    target = Path(args.folder) / (args.dir or args.type)
    if args.demo:
        if args.type != "character":
            print(f"the demo is a character: type {args.type} has none of its own", file=sys.stderr)
        start_demo(target)
    elif args.source is not None:
        from ltxbuild.commands.importing import start_from

        start_from(args, target)
    else:
        _start(args, target)
    print(target)
    return 0


def start_demo(target: Path) -> None:
    """A folder with generated clips on the tiny base."""
    from ltxbuild.project.demo import write_demo

    write_demo(target)
    say_next(target, "look at lora.toml and captions.toml, then run `ltxbuild` in the folder")


def _start(args: argparse.Namespace, target: Path) -> None:
    from ltxbuild.project.template import write_template

    name = name_of(target)
    trigger, class_word = words_of(args, name)
    write_template(args.type, target, name=name, trigger=trigger, class_word=class_word, base="ltx-2.3")
    say_next(target, "put clips into clips/, one line a clip into captions.toml, then run `ltxbuild lint`")


def words_of(args: argparse.Namespace, name: str) -> tuple[str, str]:
    """Trigger and class word: given, answered on a terminal, or proposed."""
    suffix = {"character": "char", "object": "obj"}.get(args.type, args.type)
    trigger = args.trigger or _ask("trigger: an invented word that no text contains", f"{name}_{suffix}")
    return trigger, args.class_word or _ask("class: the ordinary word for it", CLASS_WORDS[args.type])


def name_of(target: Path) -> str:
    """The project's name, made of its folder's. Raises ProjectError P101."""
    name = re.sub(r"[^a-z0-9]+", "_", target.resolve().name.lower()).strip("_")
    if not name:
        raise fail(
            "P101", f"no project name can be made of `{target.name}`", "choose a folder with letters in it"
        )
    return name


def _ask(question: str, proposal: str) -> str:
    """Ask on a terminal; elsewhere take the proposal and say so."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(f"{question} [{proposal}]: ", end="", file=sys.stderr, flush=True)
        return input().strip() or proposal
    print(f"{question.split(':')[0]} = {proposal} (nobody to ask; it stands in lora.toml)", file=sys.stderr)
    return proposal


def say_next(target: Path, what: str) -> None:
    """What to do in the new folder."""
    print(f"started {target}: {what}", file=sys.stderr)
