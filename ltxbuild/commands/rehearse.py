"""`ltxbuild rehearse`: this very folder through every stage on the tiny base; results go to build/rehearsal/."""

from __future__ import annotations

import argparse
import sys
import time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Targets and the options of a build."""
    from ltxbuild.commands.options import add_build, add_choice, add_targets

    add_targets(parser)
    add_choice(parser)
    add_build(parser)


def run(args: argparse.Namespace) -> int:
    """Build on the tiny base. The lock is not written, the project's own results are not touched."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.perform import perform

    said = "rehearsal on the tiny base: its steps, rates and sizes; pictures prove nothing about your concept"
    print(f"note: {said}", file=sys.stderr)
    return perform(args, choice_of(args, rehearsal=True), time.monotonic())
