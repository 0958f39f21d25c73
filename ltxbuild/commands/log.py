"""`ltxbuild log TARGET`: what an action printed the last time it ran."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One target."""
    from ltxbuild.commands.options import add_choice

    parser.add_argument("target", metavar="TARGET", help="a stage, clip:NAME or an action's id")
    add_choice(parser)


def run(args: argparse.Namespace) -> int:
    """Print the logs of the target's actions."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.session import open_session

    with open_session(choice_of(args), write=False) as session:
        found = 0
        for name in session.graph.resolve([args.target]):
            path = session.space.log(name)
            if path.exists():
                found += 1
                print(f"== {name}")
                sys.stdout.write(path.read_text("utf-8", "replace"))
    if not found:
        print(f"{args.target} has not run here yet", file=sys.stderr)
    return 0 if found else 1
