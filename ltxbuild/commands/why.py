"""`ltxbuild why TARGET`: the exact reason why something runs, down to what was edited."""

from __future__ import annotations

import argparse

from ltxbuild.engine.predict import Prediction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One target."""
    from ltxbuild.commands.options import add_choice

    parser.add_argument("target", metavar="TARGET", help="a stage, clip:NAME or an action's id")
    add_choice(parser)


def run(args: argparse.Namespace) -> int:
    """Print the chain of reasons from the target to its causes."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.session import open_session

    with open_session(choice_of(args), write=False) as session:
        targets = session.graph.resolve([args.target])
        prediction = session.predict(targets)
        if prediction.idle:
            print(f"{args.target} is up to date")
            for name in targets:
                record = prediction.forecasts[name].record
                if record is not None:
                    print(f"  {name}: made in {record.seconds:g} s with {record.made_with}")
            return 0
        shown: set[str] = set()
        for name in targets:
            _tell(prediction, name, 0, shown)
    return 0


def _tell(prediction: Prediction, name: str, depth: int, shown: set[str]) -> None:
    """The action and its reasons; each action is told once."""
    forecast = prediction.forecasts.get(name)
    if forecast is None or forecast.state == "fresh" or name in shown:
        return
    shown.add(name)
    verb = "runs" if forecast.state == "run" else "may run"
    print(f"{'  ' * depth}{name} {verb}")
    for reason in forecast.reasons:
        if reason.via and reason.kind == "waits":
            _tell(prediction, reason.via, depth + 1, shown)
        else:
            print(f"{'  ' * (depth + 1)}because {reason.text()}")
