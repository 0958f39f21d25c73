"""`ltxbuild [build] [TARGET ...]`: bring targets up to date."""

from __future__ import annotations

import argparse
import json
import sys
import time

from ltxbuild import __version__
from ltxbuild.engine import stamp

EPILOG = (
    "targets: transcode bucket lint encode train evaluate report export, clip:NAME, all, or an action's id"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Targets and how to build them."""
    from ltxbuild.commands.options import add_build, add_choice, add_targets

    parser.epilog = EPILOG
    add_targets(parser)
    parser.add_argument("-n", dest="dry_run", action="store_true", help="only say what would run")
    add_choice(parser)
    add_build(parser)


def run(args: argparse.Namespace) -> int:
    """Answer from the stamp if nothing changed at all, else look closer."""
    started = time.monotonic()
    call = _call(args)
    if call is not None and stamp.holds(args.folder, call):
        print(f"up to date ({time.monotonic() - started:.2f} s)")
        return 0
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.perform import dry_run, perform

    choice = choice_of(args)
    if args.dry_run:
        return dry_run(args, choice)
    return perform(args, choice, started, call)


def _call(args: argparse.Namespace) -> str | None:
    """What a stamp answers for; None for calls that want more than being up to date."""
    special = (
        args.dry_run or args.force or args.refresh or args.strict or args.json or args.frozen or args.check
    )
    if special or sys.flags.dev_mode:
        return None
    wanted = [__version__, args.targets, args.mode, args.overrides, args.follow, args.rehearsal]
    return json.dumps(wanted)
