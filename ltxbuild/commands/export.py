"""`ltxbuild export`: bring it up to date, then print the LoRA file's path; or the dataset for another trainer."""

from __future__ import annotations

import argparse
import time

# The names of ltxbuild/dataset/formats: here too, so that --help imports none of them; a test holds them together.
FORMATS = (
    "sidecars",
    "fal",
    "ltx-trainer",
    "ltx-trainer-jsonl",
    "ltx-trainer-csv",
    "musubi",
    "kohya",
    "ai-toolkit",
    "metadata",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a build, and a format."""
    from ltxbuild.commands.options import add_build, add_choice, add_targets

    add_targets(parser)
    parser.add_argument(
        "--dataset",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"write clips and captions for another trainer instead: {', '.join(FORMATS)}",
    )
    parser.add_argument(
        "--transcoded",
        action="store_true",
        help="with --dataset: every video upright at the base's rate, as the training sees it (default: only cut ones)",
    )
    add_choice(parser)
    add_build(parser)


def run(args: argparse.Namespace) -> int:
    """Build the target as `ltxbuild export` names it, or export the dataset."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.perform import perform

    if args.dataset is not None:
        from ltxbuild.commands.exporting import export_dataset

        return export_dataset(args, choice_of(args))
    args.targets = ["export", *args.targets]
    return perform(args, choice_of(args), time.monotonic())
