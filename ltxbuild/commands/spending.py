"""What work that waits is going to cost, by what the same stages took on this machine. Starts and stops nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ltxbuild.commands.session import Session
from ltxbuild.engine.estimate import medians
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.watch.heavy import HEAVY

HOUR = 3600.0


@dataclass(frozen=True)
class Refusal:
    """Why something does not start; `known` says that its cost is foreseen and not merely unknown."""

    words: str
    known: bool


def refusal(session: Session, prediction: Prediction) -> Refusal | None:
    """Whether the model work that runs or may run goes beyond `[cost] limit`; None without a limit or a price.

    Its seconds are the median of the last runs of each stage. What may turn out not to run counts in full.
    """
    hour, limit = (float(session.project.settings.get(f"cost.{key}")) for key in ("gpu_hour", "limit"))
    if not hour or not limit:
        return None
    actions = [session.graph.actions[name] for state in ("run", "maybe") for name in prediction.of(state)]
    stages = [action.stage for action in actions if action.worker == HEAVY]
    known = medians(session.space.state.records.values())
    unknown = sorted({stage for stage in stages if stage not in known})
    if unknown:
        words = f"what {', '.join(unknown)} cost is not known: they never ran on this machine"
        return Refusal(words, known=False)
    planned = sum(known[stage] for stage in stages) / HOUR * hour
    if planned <= limit:
        return None
    return Refusal(f"it would cost about {planned:.2f}, and [cost] limit is {limit:g}", known=True)
