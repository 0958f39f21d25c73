"""When a change is over: saved files after a short quiet, copied files once they stood still. Pure; has no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ltxbuild.engine.watch.place import Look, Place

# An editor's save is several steps (write, rename, delete) within a few milliseconds.
QUIET = 0.05
# A file that is being copied grows more often than this, also over a network.
STILL = 1.0
# So long a change waits for files that are still being copied; then they are left out until they stand still.
PATIENCE = 3.0
# Never wait for less: clocks and timers are not finer.
LEAST = 0.005


@dataclass(frozen=True)
class Changes:
    """Names with what happened to them (new, changed, gone), and the files that are still being written."""

    names: Mapping[str, str]
    moving: frozenset[str]


@dataclass
class Settling:
    """Takes looks and says what changed since the last report. `age` tells how long ago a name was written before
    the first look, for names that were written only just now.
    """

    place: Place
    _reported: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    _seen: Look = field(default_factory=dict)
    _moved: dict[str, float] = field(default_factory=dict)
    _waiting_since: float | None = None

    def see(self, look: Look, now: float, age: Mapping[str, float] | None = None) -> Changes | float | None:
        """The changes if they are over, else the seconds after which to look again; None if nothing is pending."""
        for name in differences(self._seen, look):
            self._moved[name] = now - (age or {}).get(name, 0.0) if age is not None else now
        self._seen = look
        left = {name: self._still(name) - (now - moved) for name, moved in self._moved.items()}
        self._moved = {name: moved for name, moved in self._moved.items() if left[name] > 0}
        pending = differences(self._reported, look)
        ready = {name: word for name, word in pending.items() if name not in self._moved}
        if not self._over(ready, now):
            waits = [seconds for seconds in left.values() if seconds > 0]
            return max(LEAST, min(waits)) if waits else None
        return self._report(ready, look)

    def _still(self, name: str) -> float:
        # A file that is gone can no longer grow.
        return STILL if self.place.large(name) and name in self._seen else QUIET

    def _over(self, ready: Mapping[str, str], now: float) -> bool:
        if not ready:
            self._waiting_since = None
            return False
        if self._waiting_since is None:
            self._waiting_since = now
        copied = all(self.place.large(name) for name in self._moved)
        return not self._moved or (copied and now - self._waiting_since >= PATIENCE)

    def _report(self, ready: Mapping[str, str], look: Look) -> Changes:
        for name in ready:
            if name in look:
                self._reported[name] = look[name]
            else:
                del self._reported[name]
        self._waiting_since = None
        return Changes(dict(ready), frozenset(self._moved) & frozenset(look))


def differences(before: Look, after: Look) -> dict[str, str]:
    """Names that differ between two looks, in order, with what happened to them."""
    found = {}
    for name in sorted({*before, *after}):
        if name not in before:
            found[name] = "new"
        elif name not in after:
            found[name] = "gone"
        elif before[name] != after[name]:
            found[name] = "changed"
    return found
