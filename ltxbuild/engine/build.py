"""The one way in for commands: predict, build, read results. Knows no stage."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ltxbuild.engine.action import Ref
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.options import BuildOptions, Tally
from ltxbuild.engine.predict import Externals, Prediction, Predictor
from ltxbuild.engine.state import Record
from ltxbuild.engine.task import Executor
from ltxbuild.engine.workspace import Workspace

if TYPE_CHECKING:
    from ltxbuild.engine.scheduler import Scheduler


@dataclass(frozen=True)
class Outcome:
    """How a build ended, with the records of everything that is up to date."""

    tally: Tally
    seconds: float
    records: dict[str, Record]


def predict(
    graph: Graph,
    space: Workspace,
    externals: Externals,
    targets: Iterable[str],
    options: BuildOptions,
) -> Prediction:
    """What a build of `targets` (ids) would do."""
    predictor = Predictor(graph, space.state, space.store, space.stats, externals, options.lenient)
    wanted = tuple(targets)
    delivered = [d.ref for d in graph.deliverables if d.ref.action in wanted]
    return predictor.predict(wanted, delivered, options.force)


def build(
    graph: Graph,
    space: Workspace,
    externals: Externals,
    targets: Iterable[str],
    executor: Executor,
    reporter: Reporter,
    options: BuildOptions,
    extra: Iterable[Ref] = (),
) -> Outcome:
    """Bring `targets` (ids) up to date; outputs that are delivered, and `extra`, are in the store afterwards.

    The first Ctrl-C lets running actions keep their partial work, the second ends them at once.
    """
    import asyncio  # only once something runs: it costs more than a build that has nothing to do

    from ltxbuild.engine.scheduler import Scheduler

    wanted = tuple(targets)
    refs = [d.ref for d in graph.deliverables if d.ref.action in wanted] + list(extra)
    started = time.monotonic()
    scheduler = Scheduler(graph, space, executor, reporter, externals, options)
    asyncio.run(_run(scheduler, executor, wanted, refs))
    records = {name: record for name in graph.actions if (record := scheduler.record(name)) is not None}
    return Outcome(scheduler.tally, time.monotonic() - started, records)


async def _run(scheduler: Scheduler, executor: Executor, targets: tuple[str, ...], refs: list[Ref]) -> None:
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    presses = 0

    def on_interrupt() -> None:
        nonlocal presses
        presses += 1
        scheduler.stop()
        if presses == 1:
            executor.interrupt()
        else:
            executor.kill()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_interrupt)
    try:
        await scheduler.run(targets, refs)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await executor.close()


def output_path(space: Workspace, record: Record, output: str) -> Path:
    """Where an output of an action lies in the store."""
    return space.store.path(record.outputs[output])
