"""`ltxbuild export`: bring it up to date, then print the LoRA file's path."""

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
    """Build the target as `ltxbuild export` names it."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.perform import perform

    args.targets = ["export", *args.targets]
    return perform(args, choice_of(args), time.monotonic())
