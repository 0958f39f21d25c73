"""Lines on stderr: what failed at once, how far it is every ten seconds. For logs and for no terminal at all."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping

INTERVAL = 10.0


class Tracker:
    """How far a build is; both the plain and the live reporter show it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.started_at = now()
        self.expected = 0
        self.done = 0
        self.running: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._first: dict[str, tuple[float, float]] = {}
        self._ahead: dict[str, float] = {}

    def begin(self, run: int, maybe: int) -> None:
        """The prediction: nothing above run and maybe will be executed. What was told before does not count."""
        self.expected, self.done = run + maybe, 0

    def foresee(self, seconds: Mapping[str, float]) -> None:
        """What each action ahead may add to the time."""
        self._ahead = dict(seconds)

    def left(self) -> float | None:
        """Seconds left by what past builds took; None if that is not known."""
        if not self._ahead:
            return None
        # Copies, as it is another thread that draws.
        ahead, now = dict(self._ahead), self._now()
        gone = sum(min(now - since, ahead.get(name, 0.0)) for name, since in [*self._since.items()])
        return max(0.0, sum(ahead.values()) - gone)

    def start(self, action: str) -> None:
        """An action runs."""
        self.running[action] = action
        self._since[action] = self._now()
        self._first.pop(action, None)

    def progress(
        self, action: str, done: float, total: float, unit: str, figures: Mapping[str, float]
    ) -> None:
        """Words for how far it is: done, speed, figures, time left."""
        # Since the first word from it: a model that loads and steps taken up from before are no measure of its speed.
        at, before = self._first.setdefault(action, (self._now(), done))
        passed = self._now() - at
        words = [f"{action} {done:g}/{total:g} {unit}", *(f"{k} {v:.4g}" for k, v in figures.items())]
        if passed > 1 and done > before:
            speed = (done - before) / passed
            words += [f"{rate(speed)} {unit}/s", f"{clock(max(0.0, total - done) / speed)} left"]
        self.running[action] = ", ".join(words)

    def end(self, action: str) -> None:
        """An action is over, however it ended."""
        self.done += self.running.pop(action, None) is not None
        self._since.pop(action, None)
        self._first.pop(action, None)
        self._ahead.pop(action, None)

    def line(self) -> str:
        """One line for all that is going on."""
        now = "; ".join([*self.running.values()]) or "waiting"
        left = self.left()
        ahead = "" if left is None else f", about {clock(left)} left"
        return f"[{self.done}/{self.expected} {clock(self._now() - self.started_at)}{ahead}] {now}"


def clock(seconds: float) -> str:
    """0:07, 12:04 or 1:02:03."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rate(speed: float) -> str:
    """Two digits of what is slow, whole numbers of what is fast."""
    return f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"


class Plain:
    """A Reporter that writes lines; a thread of its own writes them on time while a large model loads in silence."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._tracker = Tracker()
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._tell, args=(interval,), daemon=True)
        self._clock.start()

    def started(self, run: int, maybe: int, fresh: int) -> None:
        """What is ahead."""
        self._tracker.begin(run, maybe)
        say(f"{run} to run, {maybe} may follow, {fresh} up to date")

    def foresee(self, seconds: Mapping[str, float]) -> None:
        """Remembered for the next line."""
        self._tracker.foresee(seconds)

    def action_started(self, action: str) -> None:
        """Remembered for the next line."""
        self._tracker.start(action)

    def progress(
        self, action: str, done: float, total: float, unit: str, figures: Mapping[str, float]
    ) -> None:
        """Remembered for the next line."""
        self._tracker.progress(action, done, total, unit, figures)

    def finished(self, action: str, state: str, seconds: float) -> None:
        """Nothing but the count."""
        self._tracker.end(action)

    def failed(self, action: str, message: str, tail: tuple[str, ...], bug: bool) -> None:
        """Said at once."""
        self._tracker.end(action)
        for line in failure(action, message, tail, bug):
            say(line)

    def blocked(self, action: str, why: str) -> None:
        """Said at the end, all together."""
        self._tracker.end(action)

    def note(self, text: str) -> None:
        """Said at once."""
        say(f"note: {text}")

    def close(self) -> None:
        """No line after this."""
        self._over.set()
        self._clock.join()

    def _tell(self, interval: float) -> None:
        while not self._over.wait(interval):
            say(self._tracker.line())


def failure(action: str, message: str, tail: tuple[str, ...], bug: bool) -> list[str]:
    """The lines about a failed action."""
    lines = [f"failed: {action}: {message}"]
    if bug:
        lines += ["  this is a bug of ltxbuild; please report it with these lines:"]
    return lines + [f"  | {line}" for line in tail]


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)
