"""Brings actions up to date: suspending, with constructive traces and early cutoff. Knows neither stages nor terminals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from ltxbuild.engine.action import Action, External, Guard, Ref, Source
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.fingerprint import Walk, walk
from ltxbuild.engine.graph import Graph, leaves
from ltxbuild.engine.options import BuildOptions, Tally
from ltxbuild.engine.predict import Externals, find_record
from ltxbuild.engine.queue import Slots
from ltxbuild.engine.runner import Runner
from ltxbuild.engine.state import Record
from ltxbuild.engine.task import Executor
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import read_json

# An input that keeps changing while its action runs is being written by something else.
ATTEMPTS = 3


class Scheduler:
    """One build. `bring` is asked at most once for each action; everything else waits for its answer."""

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
        self._externals = externals
        self._runner = Runner(graph, space, executor, reporter)
        self._slots = Slots(executor.slots)
        self._tasks: dict[str, asyncio.Task[Record | None]] = {}
        self._repairs: dict[str, asyncio.Task[Record | None]] = {}
        self._flying: dict[str, asyncio.Future[None]] = {}
        self._records: dict[str, Record] = {}
        self._digests: dict[str, str] = {}
        self._stopping = False
        self.tally = Tally()

    # The three lookups of a walk; all producers are done when they are asked.
    def ref(self, ref: Ref) -> str | None:
        """Digest of a finished action's output."""
        record = self._records.get(ref.action)
        return None if record is None else record.outputs[ref.output]

    def source(self, source: Source) -> str | None:
        """Digest of a user's file. Raises OSError."""
        return self._space.stats.digest(source.path)

    def external(self, external: External) -> str | None:
        """Digest of something outside. Raises ProjectError."""
        if external.key not in self._digests:
            self._digests[external.key] = self._externals.resolve(external.key)
        return self._digests[external.key]

    async def run(self, targets: Iterable[str], delivered: Iterable[Ref]) -> None:
        """Bring all targets up to date and what is delivered into the store."""
        await asyncio.gather(*(self.bring(name) for name in targets))
        wanted = [ref for ref in delivered if ref.action in self._records]
        await asyncio.gather(*(self._materialize(ref) for ref in wanted))

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping = True
        self.tally.interrupted = True

    def record(self, action: str) -> Record | None:
        """The record of an action that is up to date in this build."""
        return self._records.get(action)

    def bring(self, name: str) -> asyncio.Task[Record | None]:
        """The record of the action, None if it cannot be had."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.get_running_loop().create_task(self._bring(self._graph.actions[name]))
        return self._tasks[name]

    async def _bring(self, action: Action) -> Record | None:
        producers = self._graph.inputs_of[action.id]
        answers = await asyncio.gather(*(self.bring(name) for name in producers))
        missing = [name for name, record in zip(producers, answers, strict=True) if record is None]
        if missing:
            return self._block(action, f"it needs {missing[0]}")
        for _ in range(ATTEMPTS):
            missing = [name for name in producers if name not in self._records]
            if missing:  # lost from the store, and it could not be made again
                return self._block(action, f"it needs {missing[0]}")
            try:
                found = walk(action, self)
            except OSError as error:
                return self._fail(action, f"cannot read {error.filename}: {error.strerror}")
            record, settled = await self._settle(action, found)
            if settled:
                return record
        return self._fail(
            action, "its input files keep changing while they are read; wait until they are copied"
        )

    async def _settle(self, action: Action, found: Walk) -> tuple[Record | None, bool]:
        """The record and whether the answer stands; False if an input moved meanwhile."""
        record = None if action.id in self._options.force else self._find(action, found)
        if record is None:
            why = await self._closed_guard(action)
            if why is not None:
                return self._block(action, why), True
            return await self._execute_once(action, found)
        known = self._space.state.last_walk(action.id)
        if record.version < action.version:
            state = "outdated"
        else:
            state = "fresh" if known is not None and known.fingerprint == found.fingerprint else "restored"
        self._keep(action, found, record)
        self.tally.reused.append(action.id)
        self._reporter.finished(action.id, state, 0.0)
        return record, True

    def _find(self, action: Action, found: Walk) -> Record | None:
        record = find_record(self._space.state, found, action.stage in self._options.lenient)
        if record is not None and self._options.strict and record.made_with != self._options.made_with:
            return None
        return record

    async def _closed_guard(self, action: Action) -> str | None:
        for guard in action.guards:
            record = await self.bring(guard.ref.action)
            if record is None or not await self._materialize(guard.ref):
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

    async def _execute_once(self, action: Action, found: Walk) -> tuple[Record | None, bool]:
        """Execute, unless an equal fingerprint is being executed already: then wait for that one's record."""
        flying = self._flying.get(found.fingerprint)
        if flying is not None and action.id not in self._options.force:
            await flying
            return None, False
        flight: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flying[found.fingerprint] = flight
        try:
            return await self._execute(action, found)
        finally:
            del self._flying[found.fingerprint]
            flight.set_result(None)

    async def _execute(self, action: Action, found: Walk) -> tuple[Record | None, bool]:
        for ref in dict.fromkeys(x for x in leaves(action.inputs) if isinstance(x, Ref)):
            if not await self._materialize(ref):
                return self._block(action, f"{ref.action} could not be made again"), True
            if walk(action, self).fingerprint != found.fingerprint:
                return None, False
        async with self._slots.hold(action.worker, self._graph.rank[action.id], action.affinity):
            if self._stopping:
                return self._block(action, "the build was stopped"), True
            started = time.monotonic()
            self._reporter.action_started(action.id)
            result = await self._runner.execute(action, found)
        if result.kind == "interrupted":
            self.stop()
            return None, True
        if result.kind == "failed":
            return self._fail(action, result.message, result.bug, found), True
        if self._inputs_moved(action, found):
            self._reporter.note(f"{action.id}: an input changed while it ran; its result is dropped")
            return None, False
        seconds = time.monotonic() - started
        record = self._runner.commit(found, seconds, self._options.made_with)
        self._keep(action, found, record)
        self.tally.ran.append(action.id)
        self._reporter.finished(action.id, "ran", seconds)
        return record, True

    def _inputs_moved(self, action: Action, found: Walk) -> bool:
        try:
            return walk(action, self).fingerprint != found.fingerprint
        except OSError:
            return True

    def _keep(self, action: Action, found: Walk, record: Record) -> None:
        self._records[action.id] = record
        self._space.state.add_walk(action.id, found)

    async def _materialize(self, ref: Ref) -> bool:
        """Make sure that an output is in the store with the right bytes; rebuild it if it was lost."""
        digest = self.ref(ref)
        if digest is None:
            return False
        if self._space.store.intact(digest):
            return True
        if ref.action not in self._repairs:
            self._reporter.note(f"{ref.output} of {ref.action} was lost or damaged and is made again")
            work = self._repair(self._graph.actions[ref.action])
            self._repairs[ref.action] = asyncio.get_running_loop().create_task(work)
        return await self._repairs[ref.action] is not None

    async def _repair(self, action: Action) -> Record | None:
        before = self._records[action.id]
        self._space.state.forget(before.fingerprint)
        self.tally.reused = [name for name in self.tally.reused if name != action.id]
        for _ in range(ATTEMPTS):
            found = walk(action, self)
            record, settled = await self._settle(action, found)
            if settled:
                break
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
