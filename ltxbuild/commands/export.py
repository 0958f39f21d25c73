"""`ltxbuild export`: bring it up to date, then print the LoRA file's path; or write the dataset for other trainers."""

from __future__ import annotations

import argparse
import time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a build, or the form of a dataset."""
    from ltxbuild.commands.options import add_build, add_choice, add_targets
    from ltxbuild.dataset.writing import FORMS

    parser.add_argument(
        "--dataset",
        choices=sorted(FORMS),
        metavar="FORM",
        help=f"write clips and captions into build/dataset/FORM instead: {', '.join(sorted(FORMS))}",
    )
    add_targets(parser)
    add_choice(parser)
    add_build(parser)


def run(args: argparse.Namespace) -> int:
    """Build the target as `ltxbuild export` names it."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.perform import perform

    if args.dataset:
        from ltxbuild.commands.hand_over import hand_over

        return hand_over(choice_of(args), args.dataset)
    args.targets = ["export", *args.targets]
    return perform(args, choice_of(args), time.monotonic())
