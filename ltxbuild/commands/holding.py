"""What a build tries before a model works or a base is fetched: the shared cache, and lint. Decides no training."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ltxbuild.commands.closing import say
from ltxbuild.commands.identity import PinnedIdentity
from ltxbuild.commands.running import run_build
from ltxbuild.commands.session import Session
from ltxbuild.engine.build import Outcome
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.state import Record
from ltxbuild.recipe.findings import LINT


def from_cache(
    args: argparse.Namespace, session: Session, targets: tuple[str, ...], options: BuildOptions
) -> Outcome | None:
    """Everything from the shared cache, before a base of many gigabytes is fetched; None if something is not there."""
    if session.space.shared is None or not PinnedIdentity(session.project).complete or options.force:
        return None
    outcome = run_build(args, session, targets, replace(options, without=frozenset({"model"})))
    done = not outcome.tally.blocked and not outcome.tally.failed
    return outcome if done or outcome.tally.interrupted else None


def held_by_lint(
    args: argparse.Namespace, session: Session, options: BuildOptions, prediction: Prediction
) -> Outcome | None:
    """Lint alone, which takes seconds, before a model works for a dataset that may not be trained on.

    Returns how that ended if nothing is to follow, else None.
    """
    if LINT not in prediction.forecasts:
        return None
    forecast = prediction.forecasts[LINT]
    if forecast.state == "fresh" and _refusal(session, forecast.record) is None:
        return None
    outcome = run_build(args, session, (LINT,), options, prediction)
    why = _refusal(session, outcome.records.get(LINT))
    if why is None:
        return None
    from ltxbuild.console.json_lines import emit

    if not session.identity.here:
        say("the base is not on this machine, and is not fetched for this dataset")
    for name in prediction.forecasts:
        if session.graph.actions[name].worker == "model":
            outcome.tally.blocked[name] = why
            if args.json:
                emit("blocked", action=name, why=why)
    return outcome


def _refusal(session: Session, record: Record | None) -> str | None:
    """Why lint lets nothing start, None if it does."""
    answer = None if record is None else session.output(record, "ok.json")
    if answer is None:
        return f"it needs {LINT}"
    return None if answer["ok"] else f"lint: {answer['why']}"
