"""One build as a reporter hears it: every event of the protocol at least once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ltxbuild.engine.events import Reporter

TAIL = ("Traceback (most recent call last):", "OSError: [Errno 28] No space left on device")

STORY: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("started", (3, 2, 41)),
    ("foresee", ({"train:fast:0050": 90.0, "export:fast": 2.5},)),
    ("action_started", ("train:fast:0050",)),
    ("progress", ("train:fast:0050", 12, 50, "steps", {"loss": 0.1234567})),
    ("finished", ("train:fast:0050", "ran", 31.41592)),
    ("action_started", ("scan:mira [01]",)),
    ("failed", ("scan:mira [01]", "the disk is full", TAIL, False)),
    ("action_started", ("export:fast",)),
    ("failed", ("export:fast", "ValueError: x", ("x",), True)),
    ("blocked", ("report:fast", "export:fast failed")),
    ("note", ("build/mira.safetensors was changed; it is kept as mira.safetensors.local [1]",)),
    ("close", ()),
)
METHODS = {name for name in vars(Reporter) if not name.startswith("_")}


def tell(reporter: Reporter, until: str = "close") -> None:
    """Tell the story up to and including the first event called `until`."""
    for name, arguments in STORY:
        getattr(reporter, name)(*arguments)
        if name == until:
            return
    raise AssertionError(until)


@dataclass
class Clock:
    """Time that stands still until it is moved."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def moves(self, by: float) -> None:
        self.seconds += by
