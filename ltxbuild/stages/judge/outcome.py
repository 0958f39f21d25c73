"""A test before and after its decision, and the one rule by which a headline is decided. Knows no sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Literal

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge.signflip import Interval, interval, p_greater
from ltxbuild.stages.judge.thresholds import ALPHA, ENOUGH_PROMPTS, LEAST_PROMPTS

WITHOUT = "A run in which this does not show."

Verdict = Literal["PASS", "WARN", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True)
class Draft:
    """What a test measured. `failures` and `warnings` are reasons that hold whatever the headline says."""

    id: str
    title: str
    differences: tuple[float, ...]
    minimum: float
    question: str
    also: tuple[float, ...] = ()  # a second effect that must be above zero too
    also_missing: str = ""  # what to say when only the second is not shown
    must_not: float | None = None  # set: the effect must stay below `minimum`, and fails above this
    excuse: str | None = None  # why a missing effect is only a warning here
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    details: JsonDict = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Units: prompts."""
        return len(self.differences)

    @property
    def effect(self) -> float | None:
        """Mean over prompts; None if nothing was measured."""
        return fmean(self.differences) if self.differences else None

    @property
    def p(self) -> float | None:
        """One-sided exact p, or None with too few prompts to ever be below the level."""
        if self.n < LEAST_PROMPTS:
            return None
        if self.must_not is not None:
            return p_greater([-d for d in self.differences], -self.minimum)
        # Both effects must hold: the larger p is a valid one for "both" (intersection-union).
        both = [self.differences, self.also] if self.also else [self.differences]
        return max(p_greater(d) for d in both)

    @property
    def interval(self) -> Interval | None:
        """Interval of the effect; None with too few prompts."""
        return interval(self.differences) if self.n >= LEAST_PROMPTS else None


@dataclass(frozen=True)
class Outcome:
    """A decided test."""

    draft: Draft
    verdict: Verdict
    p_adjusted: float | None
    explain: str
    would_change: str

    def json(self) -> JsonDict:
        """The test as it stands in evaluation.json."""
        d, span = self.draft, self.draft.interval
        return {
            "id": d.id,
            "title": d.title,
            "question": d.question,
            "verdict": self.verdict,
            "effect": d.effect,
            "minimum": d.minimum,
            "limit": d.must_not,
            "interval": [span.low, span.high] if span else None,
            "level": span.level if span else None,
            "n": d.n,
            "p": d.p,
            "p_adjusted": self.p_adjusted,
            "explain": self.explain,
            "would_change": self.would_change,
            "details": {**d.details, "differences": list(d.differences)},
        }


def decide(draft: Draft, p_adjusted: float | None) -> Outcome:
    """Turn a draft into a verdict. Too few prompts decide nothing, a reason to fail decides everything."""
    made = Outcome(draft, "INCONCLUSIVE", p_adjusted, "", "")
    if draft.n < LEAST_PROMPTS:
        missing = ENOUGH_PROMPTS - draft.n
        why = f"{draft.n} prompts were measured; below {LEAST_PROMPTS} no verdict can be reached."
        return replace(made, explain=why, would_change=f"Add {missing} prompts or more.")
    if draft.failures:
        return replace(made, verdict="FAIL", explain=" ".join(draft.failures), would_change=WITHOUT)
    made = _must_not(made) if draft.must_not is not None else _must(made)
    if draft.warnings and made.verdict in ("PASS", "WARN", "INCONCLUSIVE"):
        verdict: Verdict = "WARN" if made.verdict != "INCONCLUSIVE" else "INCONCLUSIVE"
        explain = " ".join(part for part in (made.explain, *draft.warnings) if part)
        return replace(made, verdict=verdict, explain=explain, would_change=WITHOUT)
    return made


def _must(made: Outcome) -> Outcome:
    draft, p, adjusted = made.draft, made.draft.p, made.p_adjusted
    effect, span = draft.effect, draft.interval
    assert effect is not None and span is not None and p is not None and adjusted is not None
    if effect >= draft.minimum and adjusted <= ALPHA:
        text = "The effect is above its minimum and no accident of the prompts."
        return replace(made, verdict="PASS", explain=text, would_change="An effect below the minimum.")
    if span.high < draft.minimum:
        if draft.excuse:
            more = "More training, or a clearer concept."
            return replace(made, verdict="WARN", explain=draft.excuse, would_change=more)
        text = "Even the upper end of the interval lies below the minimum effect."
        return replace(made, verdict="FAIL", explain=text, would_change="An effect above the minimum.")
    if effect >= draft.minimum and p <= ALPHA:
        text = "The effect is there, but does not survive the correction for four tests."
        return replace(made, verdict="WARN", explain=text, would_change=_more_prompts(draft))
    if draft.also and p_greater(draft.differences) <= ALPHA:
        return replace(made, explain=draft.also_missing, would_change=_more_prompts(draft))
    text = "The interval holds both no effect and a sufficient one."
    return replace(made, explain=text, would_change=_more_prompts(draft))


def _must_not(made: Outcome) -> Outcome:
    draft, span, adjusted = made.draft, made.draft.interval, made.p_adjusted
    assert span is not None and draft.must_not is not None and adjusted is not None
    if span.low > draft.must_not:
        text = "Even the lower end of the interval lies above the limit."
        return replace(made, verdict="FAIL", explain=text, would_change="A change below the limit.")
    if span.high <= draft.minimum and adjusted <= ALPHA:
        text = "Even the upper end of the interval stays below the limit."
        return replace(made, verdict="PASS", explain=text, would_change="A change above the limit.")
    if span.low > draft.minimum or span.high <= draft.must_not:
        text = "The change is not shown to stay below the warning limit, or is above it."
        return replace(made, verdict="WARN", explain=text, would_change=_more_prompts(draft))
    text = "The interval holds both a harmless change and one that fails."
    return replace(made, explain=text, would_change=_more_prompts(draft))


def _more_prompts(draft: Draft) -> str:
    wanted = prompts_needed(draft.differences, draft.minimum)
    missing = wanted - draft.n
    if missing <= 0:
        return "A clearer effect; more prompts alone will hardly decide it."
    return f"About {missing} more prompts, if the spread between prompts stays as it is."


def prompts_needed(differences: Sequence[float], minimum: float) -> int:
    """Prompts for a power of .8 at p <= .0125, by the normal approximation; at least seven, at most 64."""
    if len(differences) < 2:
        return ENOUGH_PROMPTS
    size = max(abs(fmean(differences)), minimum)
    n = math.ceil(((2.2414 + 0.8416) * stdev(differences) / size) ** 2)
    return min(64, max(ENOUGH_PROMPTS, n))
