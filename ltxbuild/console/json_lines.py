"""One JSON event a line on stdout, each with `"v": 1`: for other programs. Decides nothing."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping

from ltxbuild.job import Json

VERSION = 1


def emit(event: str, **fields: Json) -> None:
    """Write one event."""
    # ASCII, because not every pipe takes every sign: a clip's name may hold bytes that are no UTF-8.
    print(json.dumps({"v": VERSION, **fields, "event": event}, separators=(",", ":")), flush=True)


class JsonLines:
    """A Reporter for `--json`."""

    def started(self, run: int, maybe: int, fresh: int) -> None:
        """{"event": "started"} with the prediction."""
        emit("started", run=run, maybe=maybe, fresh=fresh)

    def foresee(self, seconds: Mapping[str, float]) -> None:
        """{"event": "foreseen"} if past builds tell how long it may take."""
        if seconds:
            emit("foreseen", seconds=round(sum(seconds.values()), 1))

    def action_started(self, action: str) -> None:
        """{"event": "running"}."""
        emit("running", action=action)

    def progress(
        self, action: str, done: float, total: float, unit: str, figures: Mapping[str, float]
    ) -> None:
        """{"event": "progress"}."""
        # A loss that is not finite is null: JSON has no word for it.
        known = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        emit("progress", done=done, total=total, unit=unit, figures=known, action=action)

    def finished(self, action: str, state: str, seconds: float) -> None:
        """{"event": "finished"}: ran, fresh, restored or outdated."""
        emit("finished", action=action, state=state, seconds=round(seconds, 3))

    def failed(self, action: str, message: str, tail: tuple[str, ...], bug: bool) -> None:
        """{"event": "failed"} with the last lines of the log."""
        emit("failed", action=action, message=message, bug=bug, log=list(tail))

    def blocked(self, action: str, why: str) -> None:
        """{"event": "blocked"}."""
        emit("blocked", action=action, why=why)

    def note(self, text: str) -> None:
        """{"event": "note"}."""
        print(f"note: {text}", file=sys.stderr)
        emit("note", text=text)

    def close(self) -> None:
        """Nothing to take down."""
