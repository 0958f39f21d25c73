"""`ltxbuild init TYPE [DIR]`: a new folder from a template."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ltxbuild.problem import fail

if TYPE_CHECKING:
    from ltxbuild.dataset.item import Found

SHORT = {"character": "char", "object": "obj"}
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
        "--from",
        dest="source",
        metavar="SOURCE",
        help="bring clips and captions: a folder with .txt files, a zip, a dataset.json, .jsonl, .csv, a musubi .toml",
    )
    parser.add_argument(
        "--demo", action="store_true", help="with generated clips and captions that build at once"
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder; nothing that exists is overwritten."""
    target = Path(args.folder) / (args.dir or args.type)
    if args.demo and args.source:
        raise fail("D104", "--demo brings its own clips: it takes no --from", "leave out one of them")
    if args.demo:
        start_demo(target)
    elif args.source:
        _bring(args, target)
    else:
        _start(args, target)
    print(target)
    return 0


def _bring(args: argparse.Namespace, target: Path) -> None:
    """A folder with another trainer's clips, complete or not there at all."""
    from ltxbuild.commands import bring
    from ltxbuild.dataset.reading import opened
    from ltxbuild.project.template import write_template

    if target.exists() and any(target.iterdir()):
        raise fail("P106", f"{target} exists and is not empty", "choose another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        opened(Path(args.source), target.parent) as found,
        TemporaryDirectory(prefix=".ltxbuild-tmp-", dir=target.parent) as temporary,
    ):
        class_word = args.class_word or _ask("class: the ordinary word for it", CLASS_WORDS[args.type])
        trigger = args.trigger or _trigger_of(found, args, target, class_word)
        new = Path(temporary) / "new"
        write_template(
            args.type, new, name=_name(target), trigger=trigger, class_word=class_word, base="ltx-2.3"
        )
        clips = bring.placed(found)
        bring.copy_clips(clips, new)
        head = "# Brought in by `ltxbuild init --from`. One line a clip, the trigger first."
        bring.replaced(new, {"captions.toml": bring.captions_text(clips, trigger, head)})
        if target.exists():
            target.rmdir()
        new.rename(target)
        bring.tell(found, clips)
    _say_next(target, "look at captions.toml, then run `ltxbuild lint`")


def _trigger_of(found: Found, args: argparse.Namespace, target: Path, class_word: str) -> str:
    from ltxbuild.commands.bring import common_trigger

    common = common_trigger(found, class_word)
    if common is None:
        return _ask("trigger: an invented word that no text contains", _proposal(args.type, target))
    print(f"trigger = {common}: every caption begins with it", file=sys.stderr)
    return common


def _proposal(kind: str, target: Path) -> str:
    return f"{_name(target)}_{SHORT.get(kind, kind)}"


def start_demo(target: Path) -> None:
    """A folder with generated clips on the tiny base."""
    from ltxbuild.project.demo import write_demo

    write_demo(target)
    _say_next(target, "look at lora.toml and captions.toml, then run `ltxbuild` in the folder")


def _start(args: argparse.Namespace, target: Path) -> None:
    from ltxbuild.project.template import write_template

    name = _name(target)
    trigger = args.trigger or _ask(
        "trigger: an invented word that no text contains", _proposal(args.type, target)
    )
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
