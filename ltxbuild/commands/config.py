"""`ltxbuild config`: every setting with its value and where it came from."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which project, and the format."""
    from ltxbuild.commands.options import add_choice

    add_choice(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON for each setting")


def run(args: argparse.Namespace) -> int:
    """Print the resolved settings."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.project.project import load

    choice = choice_of(args)
    project = load(
        choice.root, choice.overrides, choice.mode, follow=choice.follow, rehearsal=choice.rehearsal
    )
    listed = project.settings.listing()
    width = max(len(one.key) for one in listed)
    for one in listed:
        if args.json:
            print(json.dumps({"v": 1, "key": one.key, "value": one.value, "origin": one.origin}))
        else:
            print(f"{one.key:<{width}}  {one.value}  ({one.origin})")
    return 0
