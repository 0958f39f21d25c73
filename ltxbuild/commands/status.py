"""`ltxbuild status`: what would run, what may follow, what is fresh. Takes no lock, writes no state."""

from __future__ import annotations

import argparse
from collections import Counter

from ltxbuild.engine.predict import Prediction


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
        show(prediction, args.json)
    return 1 if args.exit_code and not prediction.idle else 0


def show(prediction: Prediction, as_json: bool) -> int:
    """Print a prediction."""
    if as_json:
        from ltxbuild.console.json_lines import emit

        for forecast in prediction.forecasts.values():
            reasons = [reason.text() for reason in forecast.reasons]
            emit("forecast", action=forecast.action, state=forecast.state, reasons=list(reasons))
        return 0
    for forecast in prediction.forecasts.values():
        if forecast.state == "run":
            print(f"run    {forecast.action}  ({_short(forecast.reasons[0].text())})")
    maybe = Counter(name.partition(":")[0] for name in prediction.of("maybe"))
    for stage, count in maybe.items():
        print(f"maybe  {count} x {stage}")
    fresh = len(prediction.of("fresh"))
    if prediction.idle:
        print(f"up to date: {fresh} actions")
    else:
        print(f"{len(prediction.of('run'))} to run, {sum(maybe.values())} may follow, {fresh} up to date")
    return 0


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
