"""Waits until a place has changed and stands still again. Events only shorten the wait; what counts are looks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from ltxbuild.engine.watch.alarm import Alarm
from ltxbuild.engine.watch.mounts import needs_polling
from ltxbuild.engine.watch.place import Look, Place
from ltxbuild.engine.watch.settling import STILL, Changes, Settling

# Seconds between two looks without any event, and where events do not arrive.
BEAT = 0.5
POLL = 0.25
# The event that rings may come just before the rename that completes a save: look again soon, then ever later.
ECHO = 0.01
# Looking may take this share of the time: 10,000 clips are looked at less often.
SHARE = 0.02


class Watcher:
    """`next` gives each change once; its first answer is everything that is there."""

    def __init__(
        self, place: Place, poll: bool, say: Callable[[str], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        """`loop` is the one that `next` will run in; with `poll` no events are asked for."""
        self._place, self._say, self._loop = place, say, loop
        self._settling = Settling(place)
        self._rung = asyncio.Event()
        self._first = True
        self._beat = POLL
        remote = next((p for p in place.watched_folders() if needs_polling(p)), None)
        if remote is not None and not poll:
            say(f"file events may not arrive in {remote}: looking four times a second instead")
        self._alarm = None if poll or remote is not None else self._start()

    @property
    def polling(self) -> bool:
        """Whether looks alone find changes."""
        return self._alarm is None

    async def next(self) -> Changes:
        """Wait for a change that is over. Cancelling it loses nothing."""
        echo = ECHO
        while True:
            started = time.monotonic()
            self._rung.clear()
            look = self._place.look()
            self._cover()
            now = time.monotonic()
            answer = self._settling.see(look, now, self._ages(look) if self._first else None)
            self._first = False
            if isinstance(answer, Changes):
                return answer
            beat = max(POLL if self.polling else BEAT, (now - started) / SHARE)
            rang = await self._wait(answer if answer is not None else min(echo, beat))
            echo = ECHO if rang else 2 * echo

    def close(self) -> None:
        """Stop watching."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None

    def _start(self) -> Alarm | None:
        try:
            return Alarm(self._ring)
        except OSError as error:
            self._without(error)
            return None

    def _cover(self) -> None:
        if self._alarm is not None:
            try:
                self._alarm.cover(self._place.watched_folders())
            except FileNotFoundError:  # gone between two calls: the next look tries again
                pass
            except OSError as error:
                self.close()
                self._without(error)

    def _without(self, error: OSError) -> None:
        self._say(f"no file events ({error.strerror or error}): looking four times a second instead")

    def _ring(self) -> None:
        # From the observer's thread; the loop may be closed already when the command ends.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._rung.set)

    async def _wait(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    def _ages(self, look: Look) -> dict[str, float]:
        """How long ago each file was written, for the first look; what a clock ahead of ours says is not believed."""
        now = time.time_ns()
        ages = {name: (now - max(stats[1], stats[2])) / 1e9 for name, stats in look.items()}
        return {name: age if age >= 0 else STILL for name, age in ages.items()}
