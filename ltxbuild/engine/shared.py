"""Results shared by several machines: records by fingerprint, objects by digest. Decides nothing about what is stale.

Everything that was made is offered, not only what took long: a cheap action that is redone elsewhere may give other
bytes, and then nothing below it would be found. Objects go up before their record; the first record stays. Whatever
comes down is checked by its digest. A place that does not answer is asked no more in this build.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ltxbuild.engine import digest, files
from ltxbuild.engine.aside import aside
from ltxbuild.engine.depot import Depot, Unreachable
from ltxbuild.engine.parcel import Parcel, pack, unpack
from ltxbuild.engine.state import Record
from ltxbuild.engine.store import Store
from ltxbuild.job import dump_json

T = TypeVar("T")

# Before Python 3.11 the time limit of asyncio has an error of its own.
ABSENT = (OSError, Unreachable, asyncio.TimeoutError)

ASK_SECONDS = 5.0
# A transfer may take longer: this much for its start, and then at least so many bytes a second.
START_SECONDS, BYTES_PER_SECOND = 30.0, 1 << 20
AT_ONCE = 16
# After Ctrl-C there is no more time than for what is nearly there.
HURRY_SECONDS = 2.0


class Shared:
    """The shared cache of one project. `begin` before each build; everything else inside its event loop."""

    def __init__(self, depot: Depot, place: str, store: Store, scratch: Path) -> None:
        self._depot, self._place, self._store, self._scratch = depot, place, store, scratch
        # What a build made and could not send, because it was stopped or nobody answered.
        self._unsent = scratch.parent / "unsent"
        self.begin(lambda text: None)

    def begin(self, say: Callable[[str], None]) -> None:
        """A new build: ask again, and tell `say` what has to be known."""
        self._say = say
        self._off = self._closed = self._stopping = False
        self._sizes: dict[str, int] = {}
        self._asked: dict[str, asyncio.Task[Parcel | None]] = {}
        self._damaged: set[str] = set()
        self._fetched: dict[str, asyncio.Task[bool]] = {}
        self._offers: dict[str, asyncio.Task[bool]] = {}
        self._turns: asyncio.Semaphore | None = None

    async def find(self, fingerprint: str, outputs: Iterable[str]) -> Record | None:
        """The record that was committed first anywhere, if it has these outputs."""
        if fingerprint not in self._asked:
            work = self._lookup(fingerprint)
            self._asked[fingerprint] = asyncio.get_running_loop().create_task(work)
        parcel = await asyncio.shield(self._asked[fingerprint])
        if parcel is None or not set(outputs) <= parcel.record.outputs.keys():
            return None
        self._sizes |= parcel.sizes
        return parcel.record

    async def _lookup(self, fingerprint: str) -> Parcel | None:
        data = await self._ask(lambda: self._depot.read(_record(fingerprint)), ASK_SECONDS)
        return None if data is None else unpack(data, fingerprint)

    async def fetch(self, key: str) -> bool:
        """Bring an object into the store; False if it is not there or not what its name says."""
        if key not in self._fetched:
            self._fetched[key] = asyncio.get_running_loop().create_task(self._fetch(key))
        return await asyncio.shield(self._fetched[key])

    async def _fetch(self, key: str) -> bool:
        target = self._scratch / f"shared-{key}"

        def arrives() -> str | None:
            return digest.of_file(target) if self._depot.fetch(_object(key), target) else None

        # Asked first: how long a transfer may take is no measure for whether anybody answers.
        if not await self._ask(lambda: self._depot.has(_object(key)), ASK_SECONDS):
            return False
        found = await self._ask(arrives, _transfer_seconds(self._sizes.get(key)))
        if found is None:
            return False
        if found != key:
            files.remove(target)
            self._damaged.add(key)
            self._say(f"an object of the shared cache was damaged and counts as missing ({key[:8]})")
            return False
        self._store.put(target, durable=False)
        return True

    def offer(self, record: Record) -> None:
        """Send a record and its objects in the background."""
        if record.fingerprint not in self._offers:
            work = self._send(record)
            self._offers[record.fingerprint] = asyncio.get_running_loop().create_task(work)

    async def _send(self, record: Record) -> bool:
        """Whether it is there now, or need not be."""
        first = await self._put(lambda: self._depot.read(_record(record.fingerprint)), ASK_SECONDS)
        known = None if first is None else unpack(first, record.fingerprint)
        if known is not None and dict(known.record.outputs) != dict(record.outputs):
            self._say(
                f"a result of the stage {record.stage} has other bytes than the shared one, which stays"
            )
            return True
        sizes = {}
        for key in dict.fromkeys(record.outputs.values()):
            path = self._store.path(key)
            if not path.is_file():
                return True
            sizes[key] = path.stat().st_size
            await self._put(self._putting(path, key), _transfer_seconds(sizes[key]))
        if known is None:
            # What stands there and cannot be read as a record is replaced.
            await self._put(self._recording(record, sizes, replace=first is not None), ASK_SECONDS)
        return not self._off and not self._closed

    def _recording(self, record: Record, sizes: Mapping[str, int], replace: bool) -> Callable[[], bool]:
        def put() -> bool:
            draft = self._scratch / f"record-{record.fingerprint}"
            files.write_atomic(draft, pack(record, sizes), durable=False)
            try:
                return self._depot.put(draft, _record(record.fingerprint), replace)
            finally:
                files.remove(draft)

        return put

    def _putting(self, path: Path, key: str) -> Callable[[], bool]:
        def put() -> bool:
            again = key in self._damaged
            return (again or not self._depot.has(_object(key))) and self._depot.put(path, _object(key), again)

        return put

    async def complete(self, targets: Iterable[Record], records: Iterable[Record]) -> None:
        """At the end of a build: send what earlier ones could not, and see that everything has arrived."""
        used = {record.fingerprint: record for record in records}
        late = set(self._late())
        if not await self._all_there(targets):
            late |= used.keys()
        for fingerprint in used.keys() & late:
            self.offer(used[fingerprint])
        if self._offers:
            limit = HURRY_SECONDS if self._stopping else None
            done, open_ = await asyncio.wait(self._offers.values(), timeout=limit)
            for task in open_:
                task.cancel()
            if not open_:
                await self._put(self._depot.tidy, ASK_SECONDS)
            sent = {key for key, task in self._offers.items() if task in done and _arrived(task)}
            self._keep_late(sorted((late | self._offers.keys()) - sent))

    async def _all_there(self, targets: Iterable[Record]) -> bool:
        """Whether what was asked for is there or on its way; if not, neither may be the rest that was only reused."""
        for record in targets:
            open_question = not self._stopping and record.fingerprint not in self._offers
            if open_question and await self._lookup(record.fingerprint) is None:
                return self._off  # nobody answered: then nothing is known about the rest
        return True

    def _late(self) -> list[str]:
        try:
            found = json.loads(self._unsent.read_bytes())
        except (OSError, ValueError):
            return []
        return [str(key) for key in found] if isinstance(found, list) else []

    def _keep_late(self, fingerprints: list[str]) -> None:
        if fingerprints:
            files.write_atomic(self._unsent, dump_json(fingerprints), durable=False)
        else:
            files.remove(self._unsent)

    def stop(self) -> None:
        """Do not wait for what is on its way."""
        if self._stopping:
            for task in self._offers.values():
                task.cancel()
        self._stopping = True

    async def _ask(self, call: Callable[[], T], limit: float) -> T | None:
        """The answer; None if there is none, and then nothing is asked any more."""
        if self._off:
            return None
        try:
            return await self._in_turn(call, limit)
        except ABSENT as error:
            if not self._off:
                self._off = True
                self._say(f"the shared cache {self._place} is not used in this build: {_reason(error)}")
            return None

    async def _put(self, call: Callable[[], T], limit: float) -> T | None:
        """As `_ask`, for sending: a cache that may only be read is still read."""
        if self._off or self._closed:
            return None
        try:
            return await self._in_turn(call, limit)
        except ABSENT as error:
            if not self._closed and not self._off:
                self._closed = True
                self._say(
                    f"nothing is sent to the shared cache {self._place} in this build: {_reason(error)}"
                )
            return None

    async def _in_turn(self, call: Callable[[], T], limit: float) -> T:
        if self._turns is None:
            self._turns = asyncio.Semaphore(AT_ONCE)
        async with self._turns:
            return await asyncio.wait_for(aside(call), limit)


def _arrived(task: asyncio.Task[bool]) -> bool:
    return not task.cancelled() and task.exception() is None and task.result()


def _record(fingerprint: str) -> str:
    return f"records/{fingerprint[:2]}/{fingerprint[2:]}.json"


def _object(key: str) -> str:
    return f"objects/{key[:2]}/{key[2:]}"


def _transfer_seconds(size: int | None) -> float:
    return START_SECONDS + (size if size is not None else 1 << 30) / BYTES_PER_SECOND


def _reason(error: BaseException) -> str:
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return "it does not answer"
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
