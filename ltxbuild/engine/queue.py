"""Who runs next: a slot for each worker kind, given to the lowest rank, on one's own kind of work first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

_Turn: TypeAlias = "tuple[int, int, asyncio.Future[None]]"


class Slots:
    """Limits how many actions of a worker kind run at once.

    Waiting actions with the affinity that ran last go first: a GPU that holds the text encoder encodes all captions
    before it gives it up for the transformer.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._free = dict(limits)
        self._last: dict[str, str] = {}
        # By kind and affinity, each a heap by rank; the counter keeps two of one rank from comparing their futures.
        self._waiting: dict[str, dict[str, list[_Turn]]] = {kind: {} for kind in limits}
        self._counter = itertools.count()

    @asynccontextmanager
    async def hold(self, kind: str, rank: int, affinity: str) -> AsyncIterator[None]:
        """Wait for a slot of `kind` and hold it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heap = self._waiting[kind].setdefault(affinity, [])
        heapq.heappush(heap, (rank, next(self._counter), turn))
        # Everybody who is ready in this turn of the loop queues up before the first is chosen.
        asyncio.get_running_loop().call_soon(self._grant, kind)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(kind)
            raise
        try:
            yield
        finally:
            self._release(kind)

    def _release(self, kind: str) -> None:
        self._free[kind] += 1
        asyncio.get_running_loop().call_soon(self._grant, kind)

    def _grant(self, kind: str) -> None:
        waiting = self._waiting[kind]
        while self._free[kind] and (affinity := self._next(kind)) is not None:
            _, _, turn = heapq.heappop(waiting[affinity])
            if not turn.cancelled():
                self._free[kind] -= 1
                self._last[kind] = affinity
                turn.set_result(None)

    def _next(self, kind: str) -> str | None:
        heaps = {affinity: heap for affinity, heap in self._waiting[kind].items() if heap}
        last = self._last.get(kind, "")
        return last if last in heaps else min(heaps, key=lambda affinity: heaps[affinity][0], default=None)
