"""What a build still has to look at: an action is taken up once all that it reads is done. Knows not how it is made."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from ltxbuild.engine.action import Action
from ltxbuild.engine.graph import Graph

# Actions of one worker kind that are looked at side by side. A task is a few kilobytes, and of 100,000 actions nearly
# all would wait; fewer would let too little be seen at once of what keeps a model open.
WINDOW = 1000


class Agenda:
    """Hands each action that is asked for, and every producer of its data, to `make` once, the lowest rank first."""

    def __init__(
        self, graph: Graph, make: Callable[[Action], Awaitable[object]], done: Callable[[str], bool]
    ) -> None:
        self._graph, self._make, self._done = graph, make, done
        self._open: set[str] = set()  # asked for and not done yet
        self._over: set[str] = set()
        self._lacking: dict[str, int] = {}  # producers that an action still waits for
        self._users: dict[str, list[str]] = {}
        self._ready: dict[str, list[tuple[int, str]]] = {}
        self._hands: Counter[str] = (
            Counter()
        )  # by worker kind: tasks at work, without those that wait for an answer
        self._awaited: dict[str, list[asyncio.Future[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[None] | None = None

    async def finish(self, names: Iterable[str]) -> None:
        """Have these made, with all that they read; raises what `make` raises."""
        self._end = asyncio.get_running_loop().create_future()
        self._ask(names)
        if self._open:
            await self._end

    async def answer(self, name: str, kind: str) -> None:
        """The same for one action, asked for by the making of another of this worker kind, which is put aside meanwhile."""
        self._ask([name])
        if name not in self._open:
            return
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(name, []).append(answer)
        self._hands[kind] -= 1
        self._take_up(kind)
        try:
            await answer
        finally:
            self._hands[kind] += 1

    async def abandon(self) -> None:
        """End all that is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _settled(self, name: str) -> bool:
        return name in self._over or self._done(name)

    def _ask(self, names: Iterable[str]) -> None:
        stack = list(names)
        while stack:
            name = stack.pop()
            if name in self._open or self._settled(name):
                continue
            self._open.add(name)
            lacking = [one for one in self._graph.inputs_of(name) if not self._settled(one)]
            for one in lacking:
                self._users.setdefault(one, []).append(name)
            stack += lacking
            if lacking:
                self._lacking[name] = len(lacking)
            else:
                self._queue(name)

    def _queue(self, name: str) -> None:
        kind = self._graph.actions[name].worker
        heapq.heappush(self._ready.setdefault(kind, []), (self._graph.rank[name], name))
        self._take_up(kind)

    def _take_up(self, kind: str) -> None:
        if self._hands[kind] < WINDOW and self._ready.get(kind):
            self._hands[kind] += 1
            task = asyncio.get_running_loop().create_task(self._work(kind))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def _work(self, kind: str) -> None:
        try:
            while self._ready[kind] and self._hands[kind] <= WINDOW:
                _, name = heapq.heappop(self._ready[kind])
                await self._make(self._graph.actions[name])
                self._tick_off(name)
                await asyncio.sleep(0)  # what is reused waits for nothing, and Ctrl-C has to be heard
        finally:
            self._hands[kind] -= 1

    def _tick_off(self, name: str) -> None:
        self._open.discard(name)
        self._over.add(name)
        for user in self._users.pop(name, ()):
            self._lacking[user] -= 1
            if not self._lacking[user]:
                del self._lacking[user]
                self._queue(user)
        for answer in self._awaited.pop(name, ()):
            if not answer.done():
                answer.set_result(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            for answer in itertools.chain([self._end] if self._end else [], *self._awaited.values()):
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # whoever waits may be cancelled before it is told
        elif self._end is not None and not self._end.done() and not self._open:
            self._end.set_result(None)
