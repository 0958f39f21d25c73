"""`ltxbuild demo [DIR]`: a folder with generated clips, built, with the report's path at the end."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

FOLDER = "ltxbuild-demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DIR and the options of a build."""
    from ltxbuild.commands.options import add_build, add_choice

    parser.add_argument("dir", nargs="?", metavar="DIR", default=FOLDER, help=f"default: {FOLDER}")
    add_choice(parser)
    add_build(parser)


def run(args: argparse.Namespace) -> int:
    """Start the folder unless it is there already, then build it."""
    from ltxbuild.commands.init import start_demo
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.perform import perform

    started = time.monotonic()
    target = Path(args.folder) / args.dir
    if not (target / "lora.toml").exists():
        start_demo(target)
    args.folder, args.targets = str(target), []
    code = perform(args, choice_of(args), started)
    report = target / "build" / "report.html"
    if code == 0 and not args.json:
        print(f"open {report} in a browser")
    return code
