"""The one way in for commands: predict, build, read results. Knows no stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ltxbuild.engine.action import Ref
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.options import BuildOptions, Tally
from ltxbuild.engine.predict import Externals, Predictor
from ltxbuild.engine.state import Record
from ltxbuild.engine.task import Executor
from ltxbuild.engine.workspace import Workspace


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
    extra: Iterable[Ref] = (),
    known: Prediction | None = None,
) -> Prediction:
    """What a build of `targets` (ids) would do.

    `known` is an earlier prediction in the same session and with the same options: what it found up to date, and no
    build has replaced since, is not looked at again.
    """
    predictor = Predictor(graph, space.state, space.store, space.stats, externals, options, known)
    return predictor.predict(targets, [*(item.ref for item in graph.deliverables), *graph.reads, *extra])


class Building:
    """One build inside a running event loop. The executor belongs to the caller, who may use it for the next one."""

    def __init__(
        self,
        graph: Graph,
        space: Workspace,
        externals: Externals,
        executor: Executor,
        reporter: Reporter,
        options: BuildOptions,
    ) -> None:
        from ltxbuild.engine.scheduler import Scheduler

        self._graph, self._executor = graph, executor
        self._scheduler = Scheduler(graph, space, executor, reporter, externals, options)
        self._presses = 0

    async def run(
        self, targets: Iterable[str], extra: Iterable[Ref] = (), known: Prediction | None = None
    ) -> Outcome:
        """Bring `targets` (ids) up to date; what is delivered, and `extra`, is in the store afterwards.

        `known` is a prediction made just now with the same options: what it found up to date is not looked at again.
        """
        wanted, started = tuple(targets), time.monotonic()
        if known is not None:
            self._scheduler.adopt(known.forecasts.values())
        refs = [*(item.ref for item in self._graph.deliverables), *self._graph.reads, *extra]
        await self._scheduler.run(wanted, refs)
        found = {name: self._scheduler.record(name) for name in self._graph.actions}
        records = {name: record for name, record in found.items() if record is not None}
        return Outcome(self._scheduler.tally, time.monotonic() - started, records)

    def hold(self) -> None:
        """Start nothing more; what runs goes on to its end."""
        self._scheduler.stop()

    def interrupt(self) -> None:
        """The first time let running actions keep their partial work, the second time end them at once."""
        self._presses += 1
        self.hold()
        if self._presses == 1:
            self._executor.interrupt()
        else:
            self._executor.kill()


def build(
    graph: Graph,
    space: Workspace,
    externals: Externals,
    targets: Iterable[str],
    executor: Executor,
    reporter: Reporter,
    options: BuildOptions,
    extra: Iterable[Ref] = (),
    known: Prediction | None = None,
) -> Outcome:
    """One build in an event loop of its own, stopped by Ctrl-C; the executor is closed at its end."""
    import asyncio  # only once something runs: it costs more than a build that has nothing to do

    building = Building(graph, space, externals, executor, reporter, options)
    return asyncio.run(_alone(building.run(targets, extra, known), building, executor))


async def _alone(run: Coroutine[None, None, Outcome], building: Building, executor: Executor) -> Outcome:
    try:
        with on_signals(building.interrupt):
            return await run
    finally:
        await executor.close()


@contextmanager
def on_signals(handle: Callable[[], None]) -> Iterator[None]:
    """Call `handle` in the running loop on Ctrl-C and on a request to end."""
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
