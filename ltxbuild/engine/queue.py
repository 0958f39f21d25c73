"""Who runs next: a slot for each worker kind, given to the lowest rank, on one's own kind of work first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager


class Slots:
    """Limits how many actions of a worker kind run at once.

    Waiting actions with the affinity that ran last go first: a GPU that holds the text encoder encodes all captions
    before it gives it up for the transformer.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._free = dict(limits)
        self._last: dict[str, str] = {}
        self._waiting: dict[str, list[tuple[int, str, asyncio.Future[None]]]] = {kind: [] for kind in limits}

    @asynccontextmanager
    async def hold(self, kind: str, rank: int, affinity: str) -> AsyncIterator[None]:
        """Wait for a slot of `kind` and hold it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[kind].append((rank, affinity, turn))
        # Everybody who is ready in this turn of the loop queues up before the first is chosen.
        asyncio.get_running_loop().call_soon(self._grant, kind)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(kind)
            else:
                self._waiting[kind] = [entry for entry in self._waiting[kind] if entry[2] is not turn]
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
        while self._free[kind] and waiting:
            last = self._last.get(kind, "")
            best = min(waiting, key=lambda entry: (entry[1] != last, entry[0]))
            waiting.remove(best)
            if not best[2].cancelled():
                self._free[kind] -= 1
                self._last[kind] = best[1]
                best[2].set_result(None)
