"""`ltxbuild why TARGET`: the exact reason why something runs, down to the word, key or clip that was edited."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ltxbuild.engine.forecast import Forecast, Prediction
from ltxbuild.engine.reasons import Reason

if TYPE_CHECKING:
    from ltxbuild.commands.session import Session


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
                print(f"  {name}: {_made(session, prediction.forecasts[name])}")
            return 0
        shown: set[str] = set()
        for name in targets:
            _tell(session, prediction, name, 0, shown)
    return 0


def _made(session: Session, forecast: Forecast) -> str:
    record = forecast.record
    if record is None:
        return "not needed"
    made = f"made in {record.seconds:g} s with {record.made_with}"
    version = session.graph.actions[forecast.action].version
    if record.version < version:
        made += (
            f"; outdated: by version {record.version} of the stage {record.stage}, which is at {version} now"
        )
        made += " (`--refresh` makes it anew)"
    return made


def _tell(session: Session, prediction: Prediction, name: str, depth: int, shown: set[str]) -> None:
    """The action and its reasons; each action is told once."""
    forecast = prediction.forecasts.get(name)
    if forecast is None or forecast.state == "fresh" or name in shown:
        return
    shown.add(name)
    verb = "runs" if forecast.state == "run" else "may run"
    print(f"{'  ' * depth}{name} {verb}")
    for reason in forecast.reasons:
        if reason.kind == "waits" and reason.via:
            for producer in reason.via:
                _tell(session, prediction, producer, depth + 1, shown)
        else:
            print(f"{'  ' * (depth + 1)}because {_words(session, prediction, name, reason)}")


def _words(session: Session, prediction: Prediction, name: str, reason: Reason) -> str:
    if reason.kind != "members":
        return reason.text()
    from ltxbuild.engine.action import Bag
    from ltxbuild.engine.members import compare
    from ltxbuild.engine.reasons import find

    state = session.space.state
    bag, last = find(session.graph.actions[name], reason.path), state.last_walk(name)
    if not isinstance(bag, Bag) or last is None:
        return reason.text()
    before = last.bags.get(str(reason.before), ())
    named = compare(bag, before, session.graph, prediction, state).text()
    return f"{reason.subject} changed: {named}" if named else reason.text()
