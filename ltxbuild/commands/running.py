"""One build with the display that fits, and what model work needs before it starts. Delivers nothing."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from ltxbuild.commands.delivery import media_refs
from ltxbuild.commands.early import Early
from ltxbuild.commands.session import Session, machine_facts, swapped
from ltxbuild.engine.build import Outcome, build
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.options import BuildOptions
from ltxbuild.project.memory import AS_IS


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
        return build(*world, targets, executor, Early(reporter, session), options, extra, prediction)
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


def announced(session: Session) -> Iterator[str]:
    """What is said before models start: a base that is fetched, and how it is kept."""
    if not session.identity.here:
        yield fetching(session)
    yield from (said for model in session.identity.asked.values() if (said := model.words) is not None)
    words = memory_words(session)
    if words:
        yield words


def memory_words(session: Session) -> str | None:
    """How the transformer is kept on this machine's GPU, and why; None where there was nothing to decide."""
    project, fit = session.project, session.project.fit
    if fit is None or project.gpu is None:
        return None
    wanted = project.settings.get("memory.quantize")
    form = "as it is" if fit.quantize == AS_IS else f"in {fit.quantize}"
    pinned = " as the lock says" if project.pins.quantize and wanted == "auto" else ""
    swap = swapped(project)
    moved = f", {swap} of its blocks in the host's memory" if swap else ""
    room = "" if fit.needed <= project.gpu else ", which it may not have room for"
    return (
        f"a GPU of {project.gpu:.1f} GiB: the transformer is kept {form}{pinned}{moved}; "
        f"training is reckoned to take {fit.needed:.1f} GiB{room}"
    )


def with_machine(session: Session) -> Session:
    """The same graph with what this machine adds: where the base is, which device. May fetch the base."""
    session.graph.equip("model", machine_facts(session.project, session.identity))
    return session
