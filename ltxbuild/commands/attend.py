"""A build while the files go on changing: what a change means for what runs. Decides nothing about what is started."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

from ltxbuild.commands.findings import allows, tell_findings
from ltxbuild.commands.identity import BaseIdentity
from ltxbuild.commands.lookout import INTERRUPTED, Lookout
from ltxbuild.commands.session import Session, read_project
from ltxbuild.engine.action import Ref
from ltxbuild.engine.build import Building, Outcome, on_signals
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.watch.heavy import light_part, obsolete
from ltxbuild.problem import ProjectError
from ltxbuild.recipe import make_graph
from ltxbuild.recipe.findings import LINT


def unshared(session: Session) -> Session:
    """The same without the shared cache: an answer that somebody waits for does not wait for a network."""
    space = copy(session.space)
    space.shared = None
    return replace(session, space=space)


@dataclass(frozen=True)
class Attended:
    """How a build ended, and whether files changed meanwhile."""

    outcome: Outcome
    changed: bool


class Attendance:
    """One build of `session`. Light work makes way for any change that can be read; heavy work only if it is obsolete."""

    def __init__(self, lookout: Lookout, session: Session, reporter: Reporter, heavy: bool) -> None:
        self._lookout, self._session, self._heavy = lookout, session, heavy
        self._reporter = lookout.executor.once(reporter)
        self._buildings = [self._building(session)]
        self._rival: Session | None = None
        self._changed = self._stopped = False
        self._began = asyncio.Event()

    def _building(self, session: Session) -> Building:
        executor, options = self._lookout.executor, self._lookout.options
        return Building(session.graph, session.space, session.identity, executor, self._reporter, options)

    async def run(self, targets: Sequence[str], extra: Sequence[Ref]) -> Attended:
        """Build to the end, or as far as it is wanted."""
        lookout = self._lookout
        lookout.executor.on_start = self._began.set
        work = lookout.loop.create_task(self._buildings[0].run(targets, extra))
        try:
            with on_signals(self._leave):
                while not work.done():
                    await self._wait(work)
                    await self._heed(work)
            return Attended(work.result(), self._changed or lookout.changes().done())
        finally:
            # The loop goes on after this build, so nothing of it may.
            work.cancel()
            await asyncio.wait([work])
            lookout.executor.on_start = lambda: None

    async def _heed(self, work: asyncio.Task[Outcome]) -> None:
        lookout = self._lookout
        if lookout.pressed().done() and lookout.take_key() and lookout.leaving is not None:
            self._interrupt()
        if lookout.changes().done() and not work.done():
            await self._on_change()
        self._stop_if_obsolete()

    async def _wait(self, work: asyncio.Task[Outcome]) -> None:
        begun = self._lookout.loop.create_task(self._began.wait())
        waits: set[asyncio.Task[Any]] = {work, begun, self._lookout.changes(), self._lookout.pressed()}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        self._began.clear()

    def _leave(self) -> None:
        self._lookout.leave(INTERRUPTED)
        self._interrupt()

    def _interrupt(self) -> None:
        self._stopped = True
        for building in self._buildings:
            building.interrupt()

    async def _on_change(self) -> None:
        self._changed = True
        self._lookout.take_changes()
        try:
            rival = self._read()
        except ProjectError as error:
            self._lookout.voice.problems(error)
            self._rival = None  # what is there now cannot be built: what runs is the best there is
            return
        if not self._heavy:
            self._buildings[0].hold()
        elif not self._lookout.left_out and await self._lints(rival):
            self._rival = rival
        else:
            self._rival = None

    def _read(self) -> Session:
        project = read_project(self._session.choice, self._lookout.left_out)
        session = replace(
            unshared(self._session),
            project=project,
            graph=make_graph(project),
            identity=BaseIdentity(project),
        )
        self._lookout.requested(session)
        return session

    async def _lints(self, rival: Session) -> bool:
        """Bring the light work of the new state up to date beside what runs; whether lint finds no error in it.

        The two never work at the same fingerprint: what runs is heavy or follows from heavy work.
        """
        light = light_part(rival.graph, self._lookout.requested(rival))
        building = self._building(rival)
        self._buildings.append(building)
        try:
            outcome = await building.run(light)
        except ProjectError as error:
            self._lookout.voice.problems(error)
            return False
        finally:
            self._buildings.remove(building)
        if LINT not in light:
            return True
        record = outcome.records.get(LINT)
        if record is None:
            return False
        tell_findings(self._lookout, rival, record)
        return allows(rival, record)

    def _stop_if_obsolete(self) -> None:
        if self._rival is None or self._stopped:
            return
        wanted = self._rival.predict(self._lookout.requested(self._rival), self._lookout.options)
        if obsolete(self._lookout.executor.running, wanted):
            self._lookout.voice.obsolete()
            self._interrupt()
