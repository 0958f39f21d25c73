"""`ltxbuild status`: what would run, what may follow, what is fresh. Takes no lock, writes no state."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from ltxbuild.engine.forecast import Prediction

if TYPE_CHECKING:
    from ltxbuild.engine.graph import Graph


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Targets."""
    from ltxbuild.commands.options import add_choice, add_targets

    add_targets(parser)
    add_choice(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON for each action")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 when something is stale")


def run(args: argparse.Namespace) -> int:
    """Predict and print."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.session import open_session
    from ltxbuild.recipe.scope import DEFAULT

    with open_session(choice_of(args), write=False) as session:
        prediction = session.predict(session.graph.resolve(args.targets or [DEFAULT]))
        show(prediction, args.json, session.graph)
    return 1 if args.exit_code and not prediction.idle else 0


def show(prediction: Prediction, as_json: bool, graph: Graph) -> int:
    """Print a prediction."""
    old = outdated(prediction, graph)
    if as_json:
        from ltxbuild.console.json_lines import emit

        for forecast in prediction.forecasts.values():
            reasons = [reason.text() for reason in forecast.reasons]
            state = "outdated" if forecast.action in old else forecast.state
            emit("forecast", action=forecast.action, state=state, reasons=list(reasons))
        return 0
    for forecast in prediction.forecasts.values():
        if forecast.state == "run":
            print(f"run    {forecast.action}  ({_short(forecast.reasons[0].text())})")
    maybe = Counter(name.partition(":")[0] for name in prediction.of("maybe"))
    for stage, count in maybe.items():
        print(f"maybe  {count} x {stage}")
    for stage, count in Counter(graph.actions[name].stage for name in old).items():
        print(f"outdated  {count} x {stage}, by an older version of the stage (`--refresh` makes them anew)")
    fresh = len(prediction.of("fresh"))
    if prediction.idle:
        print(f"up to date: {fresh} actions")
    else:
        print(f"{len(prediction.of('run'))} to run, {sum(maybe.values())} may follow, {fresh} up to date")
    return 0


def outdated(prediction: Prediction, graph: Graph) -> list[str]:
    """What an older version of its stage made, and what counts all the same."""
    found = prediction.forecasts.values()
    return [f.action for f in found if f.record and f.record.version < graph.actions[f.action].version]


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
