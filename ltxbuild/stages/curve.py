"""Held-out loss over steps: how it goes and which checkpoint to keep. Knows no file, no model and no clip's
name.

All on y(k) = mean over clips of log(L at k / L at step 0), on the same clips, noise levels and noises, so
that what differs between clips and noises cancels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

SMALLEST_DROP = 0.003
DIVERGED_ABOVE = 0.01
JITTER_ABOVE = 0.01
JITTER_OF_DROP = 0.2
RISE_OF_DROP = 0.05
GAIN_OF_DROP = 0.03
WINDOW = 6
"""Evaluations a plateau's slope is taken over."""
HORIZON = 250
"""Steps over which a plateau must promise less than GAIN_OF_DROP."""
WITHIN_OF_DROP = 0.02
EARLIEST_SHARE = 0.6
LIFT = 2.0
"""By so many margins an earlier checkpoint must be better to be taken; ours, from the demo's curves."""
FAST_OSCILLATION_FROM = 150
QUALITY_FROM = 500
JUDGED_FROM = 3
"""Evaluations before which no curve has a verdict."""
NOT_LEARNING_FROM = 1000


LIFTED = ("OVERFIT", "DIVERGED")


@dataclass(frozen=True)
class Choice:
    """The step to keep, the state of the curve, and why, in words."""

    step: int
    verdict: str
    why: str


def curve_value(by_clip: Mapping[str, Sequence[float]], base: Mapping[str, Sequence[float]]) -> float:
    """y of one evaluation from losses by clip and the base's on the same items."""
    means = []
    for clip, losses in by_clip.items():
        pairs = zip(losses, base[clip], strict=True)
        means.append(_mean([math.log(loss / first) for loss, first in pairs]))
    return _mean(means)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def jitter(ys: Sequence[float]) -> float:
    """Robust deviation from evaluation to evaluation; second differences leave a trend out. 0 for fewer than
    4.
    """
    seconds = [a - 2 * b + c for a, b, c in zip(ys, ys[1:], ys[2:], strict=False)]
    if len(seconds) < 2:
        return 0.0
    centre = median(seconds)
    return 1.4826 * median(abs(s - centre) for s in seconds) / math.sqrt(6)


def smoothed(ys: Sequence[float]) -> list[float]:
    """Medians of three neighbours, of two at either end."""
    return [median(ys[max(0, i - 1) : i + 2]) for i in range(len(ys))]


def theil_sen(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The median slope over all pairs."""
    pairs = [(i, j) for i in range(len(xs)) for j in range(i + 1, len(xs))]
    return median((ys[j] - ys[i]) / (xs[j] - xs[i]) for i, j in pairs)


def rising_p(ys: Sequence[float]) -> float:
    """One-sided p of Mann and Kendall's test for a rising trend (normal approximation)."""
    n = len(ys)
    score = sum((ys[j] > ys[i]) - (ys[j] < ys[i]) for i in range(n) for j in range(i + 1, n))
    variance = n * (n - 1) * (2 * n + 5) / 18
    if variance == 0 or score == 0:
        return 0.5
    z = (score - math.copysign(1, score)) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


def drop_of(ys: Sequence[float]) -> float:
    """How far the smoothed curve has come down at its best."""
    return -min(smoothed(ys))


def verdict(steps: Sequence[int], ys: Sequence[float], mode: str) -> str:
    """DIVERGED, OSCILLATING, NOT_LEARNING, OVERFIT, PLATEAU or LEARNING, the first that holds.

    `ys` are the evaluations after step 0. In fast only the first two are judged; in quality nothing but
    DIVERGED before step 500.
    """
    if not all(math.isfinite(y) for y in ys):
        return "DIVERGED"
    j, drop = jitter(ys), drop_of(ys)
    if len(ys) >= JUDGED_FROM and min(ys[-JUDGED_FROM:]) > max(3 * j, DIVERGED_ABOVE):
        return "DIVERGED"
    last = steps[-1]
    if last < (FAST_OSCILLATION_FROM if mode == "fast" else QUALITY_FROM):
        return "LEARNING"
    if j > max(JITTER_ABOVE, JITTER_OF_DROP * drop):
        return "OSCILLATING"
    if mode == "fast":
        return "LEARNING"
    return _quality_verdict(steps, ys, j, drop)


ENDS = {
    "DIVERGED": "the held-out loss has been above the base's {window} times in a row",
    "OVERFIT": "the held-out loss has been rising since step {best}",
    "PLATEAU": "the held-out loss of the last {window} evaluations promises less than {gain:.0f} % of what was gained "
    "for the next {horizon} steps",
}


def stops(steps: Sequence[int], ys: Sequence[float], start: int) -> tuple[str, str] | None:
    """The verdict that ends training after the last of these evaluations and why, None while it goes on.

    A divergence ends it at any step, a plateau and overfitting from step `start`; judged as in quality.
    """
    found = verdict(steps, ys, "quality")
    if found not in ENDS or (found != "DIVERGED" and steps[-1] < start):
        return None
    smooth = smoothed(ys)
    best = steps[smooth.index(min(smooth))]
    window = JUDGED_FROM if found == "DIVERGED" else WINDOW
    return found, ENDS[found].format(best=best, window=window, gain=100 * GAIN_OF_DROP, horizon=HORIZON)


def _quality_verdict(steps: Sequence[int], ys: Sequence[float], j: float, drop: float) -> str:
    if drop < max(3 * j, SMALLEST_DROP):
        return "NOT_LEARNING" if steps[-1] >= NOT_LEARNING_FROM else "LEARNING"
    smooth = smoothed(ys)
    best = smooth.index(min(smooth))
    since = ys[best:]
    risen = median(ys[-3:]) - smooth[best] > max(3 * j, RISE_OF_DROP * drop)
    if len(since) >= 4 and risen and rising_p(since) < 0.05:
        return "OVERFIT"
    # Twice in a row: one flat stretch happens by chance.
    if len(ys) > WINDOW and _flat(steps, ys, drop) and _flat(steps[:-1], ys[:-1], drop):
        return "PLATEAU"
    return "LEARNING"


def _flat(steps: Sequence[int], ys: Sequence[float], drop: float) -> bool:
    if len(ys) < WINDOW:
        return False
    return -theil_sen(steps[-WINDOW:], ys[-WINDOW:]) * HORIZON < GAIN_OF_DROP * drop


def choose(
    steps: Sequence[int], ys: Sequence[float], mode: str, planned: int, ended: str | None = None
) -> Choice:
    """The earliest step within noise of the best, not before 60 % of `planned` steps unless the curve overfits.

    In quality it need not have risen for long: an earlier step is allowed too if no later one is within twice the noise
    of it. `ended` is the verdict that ended training early: what came after does not take it back.
    """
    state = ended or verdict(steps, ys, mode)
    finite = [i for i, y in enumerate(ys) if math.isfinite(y)]
    if not finite:
        return Choice(steps[-1], state, "no checkpoint has a finite held-out loss")
    smooth = smoothed([y if math.isfinite(y) else math.inf for y in ys])
    late = [i for i in finite if steps[i] >= EARLIEST_SHARE * planned]
    noise = jitter([ys[i] for i in finite])

    def margin(lowest: float) -> float:
        return max(noise, WITHIN_OF_DROP * max(0.0, -lowest))

    best = min(smooth[i] for i in finite)
    better_before = bool(late) and min(smooth[i] for i in late) > best + LIFT * margin(best)
    lifted = state in LIFTED or (mode == "quality" and better_before)
    usable = finite if lifted else late or finite[-1:]
    lowest = min(smooth[i] for i in usable)
    chosen = next(i for i in usable if smooth[i] <= lowest + margin(lowest))
    return Choice(steps[chosen], state, _why(steps[chosen], ys[chosen], lowest, margin(lowest)))


def _why(step: int, y: float, lowest: float, margin: float) -> str:
    change = math.expm1(y) * 100
    side = "below" if change < 0 else "above"
    return (
        f"the held-out loss at step {step} is {abs(change):.1f} % {side} the base's; it is the earliest "
        f"checkpoint allowed within {margin:.4f} of the best ({lowest:.4f} in log loss)"
    )
