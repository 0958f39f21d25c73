"""One live display on a terminal. The only file that imports rich."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ltxbuild.console.plain import Tracker, failure

BAR = 30


class LiveDisplay:
    """A Reporter that redraws a few lines and leaves only what matters behind."""

    def __init__(self) -> None:
        self._tracker = Tracker()
        self._console = Console(stderr=True)
        self._live = Live(
            console=self._console, refresh_per_second=4, transient=True, get_renderable=self._draw
        )
        self._live.start()

    def started(self, run: int, maybe: int, fresh: int) -> None:
        """What is ahead."""
        self._tracker.begin(run, maybe)
        self._stay(Text(f"{run} to run, {maybe} may follow, {fresh} up to date"))

    def foresee(self, seconds: Mapping[str, float]) -> None:
        """Shown beside the bar."""
        self._tracker.foresee(seconds)

    def action_started(self, action: str) -> None:
        """A line for it appears."""
        self._tracker.start(action)

    def progress(
        self, action: str, done: float, total: float, unit: str, figures: Mapping[str, float]
    ) -> None:
        """Its line changes."""
        self._tracker.progress(action, done, total, unit, figures)

    def finished(self, action: str, state: str, seconds: float) -> None:
        """Its line goes."""
        self._tracker.end(action)

    def failed(self, action: str, message: str, tail: tuple[str, ...], bug: bool) -> None:
        """Stays above the display."""
        self._tracker.end(action)
        for index, line in enumerate(failure(action, message, tail, bug)):
            self._stay(Text(line, style="bold red" if index == 0 else "red"))

    def blocked(self, action: str, why: str) -> None:
        """Said at the end, all together."""
        self._tracker.end(action)

    def note(self, text: str) -> None:
        """Stays above the display."""
        self._stay(Text(f"note: {text}", style="yellow"))

    def close(self) -> None:
        """Take the display down."""
        self._live.stop()

    def _stay(self, text: Text) -> None:
        # The terminal wraps what is too long, so that a path can still be copied in one piece.
        self._console.print(text, soft_wrap=True)

    def _draw(self) -> Group:
        tracker = self._tracker
        share = min(1.0, tracker.done / tracker.expected) if tracker.expected else 0.0
        filled = int(share * BAR)
        bar = Text("█" * filled, style="green") + Text("░" * (BAR - filled), style="dim")
        head = bar + Text(" " + tracker.line().split("]")[0].lstrip("["))
        # Whole lines: beside a column as wide as the bar the time left would not fit on 80 signs.
        running = [*tracker.running.values()]  # a copy, as this is drawn by a thread of its own
        return Group(head, *(Text(f"  {words}", overflow="ellipsis", no_wrap=True) for words in running))
