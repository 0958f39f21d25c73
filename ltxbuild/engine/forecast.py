"""What is foreseen of each action, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from ltxbuild.engine.fingerprint import Walk
from ltxbuild.engine.reasons import Reason
from ltxbuild.engine.state import Record


@dataclass(frozen=True, slots=True)
class Forecast:
    """`state`: run, maybe (below something that runs; it may turn out equal) or fresh.

    `fingerprint` is empty while an input is unknown. `full` is the walk where it says something that is not written
    down yet: of 100,000 actions no more can be kept.
    """

    action: str
    state: str
    reasons: tuple[Reason, ...]
    fingerprint: str
    record: Record | None
    full: Walk | None = None

    @property
    def walk(self) -> Walk:
        """What is up to date was made from, brief if that is written down."""
        if self.full is not None:
            return self.full
        assert self.record is not None
        return Walk(self.record.stage, self.record.version, self.record.fingerprint, self.record.free)


@dataclass(frozen=True)
class Prediction:
    """Forecasts of what the targets need, in topological order."""

    forecasts: dict[str, Forecast]

    def of(self, state: str) -> list[str]:
        """Ids in the given state."""
        return [name for name, forecast in self.forecasts.items() if forecast.state == state]

    @property
    def idle(self) -> bool:
        """Nothing would run."""
        return all(forecast.state == "fresh" for forecast in self.forecasts.values())
