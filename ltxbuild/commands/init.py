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
    parser.add_argument(
        "--demo", action="store_true", help="with generated clips and captions that build at once"
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder; nothing that exists is overwritten."""
    target = Path(args.folder) / (args.dir or args.type)
    if args.demo:
        start_demo(target)
    else:
        _start(args, target)
    print(target)
    return 0


def start_demo(target: Path) -> None:
    """A folder with generated clips on the tiny base."""
    from ltxbuild.project.demo import write_demo

    write_demo(target)
    _say_next(target, "look at lora.toml and captions.toml, then run `ltxbuild` in the folder")


def _start(args: argparse.Namespace, target: Path) -> None:
    from ltxbuild.project.template import write_template

    name = _name(target)
    suffix = {"character": "char", "object": "obj"}.get(args.type, args.type)
    trigger = args.trigger or _ask("trigger: an invented word that no text contains", f"{name}_{suffix}")
    class_word = args.class_word or _ask("class: the ordinary word for it", CLASS_WORDS[args.type])
    write_template(args.type, target, name=name, trigger=trigger, class_word=class_word, base="ltx-2.3")
    _say_next(target, "put clips into clips/, one line a clip into captions.toml, then run `ltxbuild lint`")


def _name(target: Path) -> str:
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


def _say_next(target: Path, what: str) -> None:
    print(f"started {target}: {what}", file=sys.stderr)
