"""What a build knows of its inputs: records of finished actions, digests of files and of things outside. Runs nothing."""

from __future__ import annotations

import asyncio

from ltxbuild.engine.action import Action, External, Ref, Source
from ltxbuild.engine.aside import aside
from ltxbuild.engine.graph import leaves
from ltxbuild.engine.predict import Externals
from ltxbuild.engine.statcache import StatCache
from ltxbuild.engine.state import Record


class Digests:
    """The three lookups of a walk; all producers are done, and what lies outside is resolved, when they are asked."""

    def __init__(self, stats: StatCache, externals: Externals) -> None:
        self.records: dict[str, Record] = {}
        self._stats, self._externals = stats, externals
        self._outside: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._waiting: set[asyncio.Future[str]] = set()

    def ref(self, ref: Ref) -> str | None:
        """Digest of a finished action's output."""
        record = self.records.get(ref.action)
        return None if record is None else record.outputs.get(ref.output)

    def source(self, source: Source) -> str | None:
        """Digest of a user's file. Raises OSError."""
        return self._stats.digest(source.path)

    def external(self, external: External) -> str | None:
        """Digest of something outside."""
        return self._outside.get(external.key)

    async def resolve(self, action: Action) -> bool:
        """Ask for what the action needs from outside, however long that takes; False if `stop` came first."""
        for leaf in leaves(action.inputs):
            if isinstance(leaf, External) and leaf.key not in self._outside:
                async with self._turn:
                    if leaf.key not in self._outside and not await self._ask(leaf.key):
                        return False
        return True

    async def _ask(self, key: str) -> bool:
        # Weights of many gigabytes are hashed: the loop must go on meanwhile, or Ctrl-C would not be heard.
        answer = aside(lambda: self._externals.resolve(key))
        self._waiting.add(answer)
        try:
            await asyncio.wait({answer})
        finally:
            self._waiting.discard(answer)
            answer.cancel()  # without effect once it is there
        if answer.cancelled():
            return False
        self._outside[key] = answer.result()
        return True

    def stop(self) -> None:
        """Wait for nothing outside any more."""
        for answer in self._waiting:
            answer.cancel()
