"""Brings actions up to date: suspending, with constructive traces and early cutoff. Knows neither stages nor terminals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from ltxbuild.engine.action import Action, Guard, Ref
from ltxbuild.engine.agenda import Agenda
from ltxbuild.engine.digests import Digests
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.fingerprint import Walk, walk
from ltxbuild.engine.forecast import Forecast
from ltxbuild.engine.graph import Graph, leaves
from ltxbuild.engine.options import BuildOptions, Tally
from ltxbuild.engine.predict import Externals, find_record
from ltxbuild.engine.queue import Slots
from ltxbuild.engine.runner import MOVED, Runner
from ltxbuild.engine.state import Record
from ltxbuild.engine.task import Executor
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import read_json

# What changes under so many tries is being changed by something else.
ATTEMPTS = 3
STOPPED = "the build was stopped"
ABSENT = "what it needs is not on this machine, and nobody shared its result"


class Scheduler:
    """One build: what there is for an action, and how it is made if there is nothing. The agenda says when."""

    def __init__(
        self,
        graph: Graph,
        space: Workspace,
        executor: Executor,
        reporter: Reporter,
        externals: Externals,
        options: BuildOptions,
    ) -> None:
        self._graph, self._space, self._reporter, self._options = graph, space, reporter, options
        self._digests = Digests(space.stats, externals)
        self._records = self._digests.records
        self._runner = Runner(graph, space, executor, reporter, self._digests)
        self._slots = Slots(executor.slots)
        self._shared = space.shared
        if self._shared is not None:
            self._shared.begin(reporter.note)
        self._agenda = Agenda(graph, self._make, self._records.__contains__)
        self._repairs: dict[str, asyncio.Task[Record | None]] = {}
        self._flying: dict[str, asyncio.Future[str]] = {}
        self._flown: set[str] = set()
        self._reused: dict[str, None] = {}
        self._stopping = False
        self.tally = Tally()

    def adopt(self, forecasts: Iterable[Forecast]) -> None:
        """Take over what a prediction has just found up to date: nothing waits for it, and it is walked once."""
        for forecast in forecasts:
            if forecast.state == "fresh" and forecast.record is not None:
                self._reuse(self._graph.actions[forecast.action], forecast.walk, forecast.record)

    async def run(self, targets: Iterable[str], delivered: Iterable[Ref]) -> None:
        """Bring all targets up to date and what is delivered into the store."""
        wanted = tuple(targets)
        try:
            await self._agenda.finish(wanted)
            await self._materialize([ref for ref in delivered if ref.action in self._records])
            if self._shared is not None:
                asked = [self._records[name] for name in wanted if name in self._records]
                await self._shared.complete(asked, self._records.values())
        except BaseException:
            await self._abandon()
            raise
        finally:
            self.tally.reused = list(self._reused)

    async def _abandon(self) -> None:
        """End everything that is under way, so that nothing is committed or told after the build has failed."""
        for task in self._repairs.values():
            task.cancel()
        await self._agenda.abandon()
        await asyncio.gather(*self._repairs.values(), return_exceptions=True)

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping = True
        self.tally.interrupted = True
        self._digests.stop()
        if self._shared is not None:
            self._shared.stop()

    def record(self, action: str) -> Record | None:
        """The record of an action that is up to date in this build."""
        return self._records.get(action)

    async def _make(self, action: Action, again: bool = False) -> Record | None:
        """The record of an action whose producers are done; with `again` all its outputs have to be there."""
        unsettled = ""
        for _ in range(ATTEMPTS):
            missing = [name for name in self._graph.inputs_of(action.id) if name not in self._records]
            if missing:
                return self._block(action, f"it needs {missing[0]}")
            if not await self._digests.resolve(action):
                return self._block(action, STOPPED)
            try:
                found = walk(action, self._digests)
            except OSError as error:
                return self._fail(action, f"cannot read {error.filename}: {error.strerror}")
            record, unsettled = await self._settle(action, found, again)
            if not unsettled:
                return record
        return self._fail(action, unsettled)

    async def _settle(self, action: Action, found: Walk, again: bool) -> tuple[Record | None, str]:
        """The record, and why it has to be asked for once more; empty if the answer stands."""
        while True:
            failure = await self._landing(found.fingerprint)
            if failure:
                return self._fail(action, failure), ""
            record = self._find(action, found) or await self._elsewhere(action, found)
            if record is not None and not (again and self._gone(record)):
                self._reuse(action, found, record)
                return record, ""
            why = ABSENT if action.worker in self._options.without else await self._closed_guard(action)
            if self._twin_came(action, found, again):  # while the guards were asked
                continue
            if why is not None:
                return self._block(action, why), ""
            return await self._fly(action, found)

    def _twin_came(self, action: Action, found: Walk, again: bool) -> bool:
        if found.fingerprint in self._flying:
            return True
        record = self._find(action, found)
        return record is not None and not (again and self._gone(record))

    async def _landing(self, fingerprint: str) -> str:
        """Wait while an equal action is executed; how that failed, empty if it did not."""
        failure = ""
        while (flight := self._flying.get(fingerprint)) is not None:
            failure = await asyncio.shield(flight)
        return failure

    def _find(self, action: Action, found: Walk) -> Record | None:
        if action.id in self._options.force and found.fingerprint not in self._flown:
            return None
        return find_record(self._space.state, action, found, self._options)

    async def _elsewhere(self, action: Action, found: Walk) -> Record | None:
        """What another machine made of the same inputs; it counts here from now on."""
        if self._shared is None or action.id in self._options.force:
            return None
        record = await self._shared.find(found.fingerprint, action.outputs)
        if record is not None and found.fingerprint not in self._space.state.records:
            self._space.state.add_record(record)
        return self._find(action, found)  # while this was asked, an equal action may have been executed

    def _gone(self, record: Record) -> bool:
        return not all(self._space.store.intact(digest) for digest in record.outputs.values())

    def _reuse(self, action: Action, found: Walk, record: Record) -> None:
        if record.version < action.version:
            state = "outdated"
        else:
            state = "fresh" if self._space.state.walked(action.id) == found.fingerprint else "restored"
        self._keep(action, found, record)
        self._reused[action.id] = None
        self._reporter.finished(action.id, state, 0.0)

    async def _closed_guard(self, action: Action) -> str | None:
        for guard in action.guards:
            await self._agenda.answer(guard.ref.action, action.worker)
            if guard.ref.action not in self._records or await self._materialize([guard.ref]):
                return f"its guard `{guard.name}` cannot be asked: {guard.ref.action} is not there"
            verdict = read_json(
                self._space.store.path(self._records[guard.ref.action].outputs[guard.ref.output])
            )
            if not verdict["ok"] and not self._passed(action, guard):
                return f"{guard.name}: {verdict['why']}"
        return None

    def _passed(self, action: Action, guard: Guard) -> bool:
        if guard.name not in self._options.past_gate:
            return False
        if guard.name not in self.tally.passed_gates:
            self.tally.passed_gates.append(guard.name)
            self._reporter.note(f"{action.id} runs although `{guard.name}` is closed, as asked for")
        return True

    async def _fly(self, action: Action, found: Walk) -> tuple[Record | None, str]:
        """Execute; others with the same fingerprint wait for the end of it."""
        flight: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._flying[found.fingerprint] = flight
        try:
            return await self._execute(action, found)
        finally:
            del self._flying[found.fingerprint]
            flight.set_result(self.tally.failed.get(action.id, ""))

    async def _execute(
        self, action: Action, found: Walk, asked: frozenset[str] = frozenset()
    ) -> tuple[Record | None, str]:
        """Run the action; `asked` holds digests of lazy inputs that its stage has asked for in earlier runs."""
        refs = [x for x in leaves(action.inputs) if isinstance(x, Ref)]
        missing = await self._materialize(
            [ref for ref in refs if not ref.lazy or self._digests.ref(ref) in asked]
        )
        if missing:
            return self._block(action, f"{missing[0].action} could not be made again"), ""
        async with self._slots.hold(action.worker, self._graph.rank[action.id], action.affinity):
            if self._stopping:
                return self._block(action, STOPPED), ""
            used = self._runner.steady(action, found)
            if used is None:
                return None, MOVED
            started = time.monotonic()
            for ref in refs:  # those that nobody has looked at go if they are damaged
                self._whole(ref)
            self._reporter.action_started(action.id)
            result = await self._runner.execute(action, found)
        if result.kind == "wants" and result.message not in asked:
            return await self._execute(action, found, asked | {result.message})
        if result.kind == "wants":
            return None, "it asks for inputs without end"
        if result.kind == "interrupted":
            self.stop()
            return None, ""
        disturbance = self._runner.disturbance(action, found, used, result)
        if disturbance:
            self._reporter.note(f"{action.id}: {disturbance}; its result is dropped")
            return None, disturbance
        if result.kind == "failed":
            return self._fail(action, result.message, result.bug, found), ""
        return self._commit(action, found, time.monotonic() - started), ""

    def _commit(self, action: Action, found: Walk, seconds: float) -> Record:
        record = self._runner.commit(action, found, seconds, self._options.made_with)
        self._flown.add(found.fingerprint)
        self._keep(action, found, record)
        if self._shared is not None:
            self._shared.offer(record)
        self.tally.ran.append(action.id)
        self._reporter.finished(action.id, "ran", seconds)
        return record

    def _keep(self, action: Action, found: Walk, record: Record) -> None:
        self._records[action.id] = record
        self._space.state.add_walk(action.id, found)

    async def _materialize(self, refs: Iterable[Ref]) -> list[Ref]:
        """Make sure that outputs are in the store with the right bytes; what cannot be made again is returned."""
        wanted = list(dict.fromkeys(refs))
        if self._shared is not None:
            digests = {self._digests.ref(ref) for ref in wanted if not self._whole(ref)} - {None}
            await asyncio.gather(*(self._shared.fetch(str(digest)) for digest in digests))
        lost = {ref.action: ref.output for ref in wanted if not self._whole(ref)}
        await asyncio.gather(*(self._again(name, output) for name, output in lost.items()))
        return [ref for ref in wanted if not self._whole(ref)]

    def _whole(self, ref: Ref) -> bool:
        digest = self._digests.ref(ref)
        return digest is not None and self._space.store.intact(digest)

    async def _again(self, name: str, output: str) -> None:
        if name not in self._records:
            return
        if name not in self._repairs:
            self._reporter.note(f"{output} of {name} was lost or damaged and is made again")
            work = self._repair(self._graph.actions[name])
            self._repairs[name] = asyncio.get_running_loop().create_task(work)
        await self._repairs[name]

    async def _repair(self, action: Action) -> Record | None:
        # The old record stays until a new one replaces it: outputs that are still there may be all that others need.
        before = self._records[action.id]
        self._reused.pop(action.id, None)
        try:
            record = await self._make(action, again=True)
        finally:
            del self._repairs[action.id]
        if record is None:
            self._records.pop(action.id, None)
        elif dict(record.outputs) != dict(before.outputs):
            self._reporter.note(f"{action.id} gave other bytes than the first time")
        return record

    def _block(self, action: Action, why: str) -> Record | None:
        self.tally.blocked[action.id] = why
        self._reporter.blocked(action.id, why)
        return None

    def _fail(
        self, action: Action, message: str, bug: bool = False, found: Walk | None = None
    ) -> Record | None:
        self.tally.failed[action.id] = message
        self._reporter.failed(action.id, message, self._space.log_tail(action.id) if found else (), bug)
        if not self._options.keep_going:
            self._stopping = True
        return None
