"""`ltxbuild report`: bring it up to date, then print the report's path."""

from __future__ import annotations

import argparse
import time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a build."""
    from ltxbuild.commands.options import add_build, add_choice, add_targets

    add_targets(parser)
    add_choice(parser)
    add_build(parser)


def run(args: argparse.Namespace) -> int:
    """Build the target as `ltxbuild report` names it."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.perform import perform

    args.targets = ["report", *args.targets]
    return perform(args, choice_of(args), time.monotonic())
