"""`ltxbuild watch [TARGET ...]`: build, then again on every save, until q or Ctrl-C."""

from __future__ import annotations

import argparse
import os

from ltxbuild.commands.session import Choice
from ltxbuild.problem import ProjectError

EPILOG = (
    "Clips are checked, cut and linted at once. Training on a base that needs a GPU starts after [watch] settle "
    "seconds without a change, or on Enter; a quality run on Enter only. q leaves with 0, Ctrl-C with 130; "
    "either way work in progress is kept."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Targets, how to build them, and how to look."""
    from ltxbuild.commands.options import add_choice, add_targets, add_work

    parser.epilog = EPILOG
    add_targets(parser)
    add_choice(parser)
    add_work(parser)
    parser.add_argument("--poll", action="store_true", help="look at the files instead of waiting for events")
    # After a failure the rest goes on, and nothing is forced: every save would force it again.
    parser.set_defaults(keep_going=True)


def run(args: argparse.Namespace) -> int:
    """Watch until asked to leave: 0 by key, 130 by Ctrl-C. Raises ProjectError for a call that no save can mend."""
    from ltxbuild.commands.lookout import Lookout
    from ltxbuild.commands.options import choice_of, options_of
    from ltxbuild.commands.rounds import round_of

    choice, options = choice_of(args), options_of(args, frozenset())
    _refuse_call(choice, args.targets)
    jobs = args.jobs or os.cpu_count() or 1
    with Lookout(choice, args.targets, options, jobs, args.json, args.poll) as lookout:
        level = lookout.run(lookout.first())
        while lookout.leaving is None:
            rest = round_of(lookout, level)
            if lookout.leaving is None:
                level = lookout.note_changes() if rest.waiting == "again" else lookout.run(lookout.idle(rest))
        return lookout.leaving


def _refuse_call(choice: Choice, targets: list[str]) -> None:
    """Raise ProjectError for what only another call can mend: a wrong -s, an unknown target."""
    from ltxbuild.commands.session import read_project
    from ltxbuild.recipe import make_graph

    try:
        project = read_project(choice)
    except ProjectError as error:
        mine = [p for p in error.problems if p.code == "P209" or (p.span is not None and p.span.file == "-s")]
        if mine:
            raise ProjectError(mine) from None
        return
    make_graph(project).resolve(targets)
