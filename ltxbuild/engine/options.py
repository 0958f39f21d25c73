"""What a build was asked for and how it ended, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BuildOptions:
    """What the user asked for besides the targets."""

    keep_going: bool = False
    force: frozenset[str] = frozenset()
    past_gate: frozenset[str] = frozenset()
    lenient: frozenset[str] = frozenset()
    made_with: str = ""
    strict: bool = False
    # Kinds of workers that may not run: what they would make has to be there, here or in a shared cache.
    without: frozenset[str] = frozenset()


@dataclass
class Tally:
    """How each action ended."""

    ran: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    passed_gates: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def eventful(self) -> bool:
        """Something ran, failed or was held up, beyond what was up to date already."""
        return bool(self.ran or self.failed or self.blocked or self.interrupted)
