"""What the engine tells while it works. Three implementations live in console/; there is no terminal code here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Reporter(Protocol):
    """Called from one thread, in order.

    States of `finished`: ran, fresh, restored, outdated; read for what is looked at before a build begins.
    """

    def started(self, run: int, maybe: int, fresh: int) -> None:
        """A build begins; the numbers are the prediction."""

    def foresee(self, seconds: Mapping[str, float]) -> None:
        """What each action that is ahead may add to the time, by past builds; nothing if that is not known."""

    def action_started(self, action: str) -> None:
        """An action is being executed."""

    def progress(
        self, action: str, done: float, total: float, unit: str, figures: Mapping[str, float]
    ) -> None:
        """How far an action is."""

    def finished(self, action: str, state: str, seconds: float) -> None:
        """An action is done, executed or not."""

    def failed(self, action: str, message: str, tail: tuple[str, ...], bug: bool) -> None:
        """An action failed; `tail` holds the last lines of its log."""

    def blocked(self, action: str, why: str) -> None:
        """An action cannot run because of what it needs."""

    def note(self, text: str) -> None:
        """Something that was decided for the user, said in words."""

    def close(self) -> None:
        """The build is over; a live display is taken down."""
