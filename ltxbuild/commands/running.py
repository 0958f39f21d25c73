"""One build with the display that fits, and what model work needs before it starts. Delivers nothing."""

from __future__ import annotations

import argparse
import os

from ltxbuild.commands.delivery import media_refs
from ltxbuild.commands.session import Session
from ltxbuild.engine.build import Outcome, build
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.options import BuildOptions


def run_build(
    args: argparse.Namespace,
    session: Session,
    targets: tuple[str, ...],
    options: BuildOptions,
    known: Prediction | None = None,
) -> Outcome:
    """Build with the display that fits where the output goes; `known` is what was predicted just now."""
    from ltxbuild.console.choose import choose
    from ltxbuild.engine.estimate import foreseen
    from ltxbuild.executors.local import LocalExecutor

    prediction = session.predict(targets, options, known)
    executor = LocalExecutor(args.jobs or os.cpu_count() or 1)
    reporter = choose(args.json)
    try:
        reads = uses_base(session, prediction) and session.identity.here
        if reads and session.identity.read(reporter):
            prediction = session.predict(targets, options, prediction)
        extra = [ref for ref in media_refs(session).values() if ref.action in prediction.forecasts]
        reporter.started(*(len(prediction.of(state)) for state in ("run", "maybe", "fresh")))
        records = session.space.state.records.values()
        reporter.foresee(foreseen(session.graph, prediction, records, executor.slots))
        world = (session.graph, session.space, session.identity)
        return build(*world, targets, executor, reporter, options, extra, prediction)
    finally:
        reporter.close()


def uses_base(session: Session, prediction: Prediction) -> bool:
    """Whether anything that may run opens the base; clips are cut and linted without it."""
    return any(
        forecast.state != "fresh" and session.graph.actions[name].worker == "model"
        for name, forecast in prediction.forecasts.items()
    )


def fetching(session: Session) -> str:
    """What is said before a base is fetched."""
    source = session.identity.source
    name, licence = (source.name, source.licence) if source is not None else ("the base", "unknown")
    return f"{name} is not on this machine and is fetched from the Hub; its licence: {licence}"


def with_machine(session: Session) -> Session:
    """The same graph with what this machine adds: where the base is, which device. May fetch the base."""
    from ltxbuild.commands.session import machine_facts

    session.graph.equip("model", machine_facts(session.project, session.identity))
    return session
