"""What to do next,: a table from signature to action, first fit first. Knows no statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

GAP = "Use an earlier checkpoint; then half the rank; then more clips."


@dataclass(frozen=True)
class Signature:
    """What the tests and the curve look like, as far as advice depends on it."""

    mode: str
    verdict: str
    tests: dict[str, str]
    curve: str
    heldout: int
    prompts: int
    missing_prompts: int
    best_weight: float | None = None  # only if enough held-out clips decide it
    trigger: str = ""  # "always on", "not applied"
    copying: bool = False
    background: bool = False
    class_leak: bool = False
    stubborn: int = 0
    broken_from: float | None = None
    max_weight: float | None = None
    lint: int | None = None

    @property
    def learning(self) -> bool:
        """Whether the held-out curve still falls."""
        return self.curve == "LEARNING"


@dataclass(frozen=True)
class Row:
    """One row: the action holds where the signature fits."""

    name: str
    fits: Callable[[Signature], bool]
    action: str


def _drift(s: Signature) -> bool:
    return s.tests["isolation"] in ("WARN", "FAIL") and not (s.background or s.class_leak)


ROWS: tuple[Row, ...] = (
    Row("diverged", lambda s: s.curve == "DIVERGED", "Half the learning rate, then train again."),
    Row(
        "jitter",
        lambda s: s.curve == "OSCILLATING",
        "First look at the captions that lint names; then train with half the learning rate.",
    ),
    Row(
        "not applied",
        lambda s: s.trigger == "not applied",
        "The LoRA changes nothing: check that training ran and that its steps and rate are not near zero.",
    ),
    Row(
        "always on",
        lambda s: s.trigger == "always on",
        "Look at the captions and the trigger (TRG rules), then retrain; "
        "prior preservation keeps the class word as the base knows it.",
    ),
    Row(
        "copying",
        lambda s: s.copying,
        "Vary the scenes, caption the backgrounds and drop near-duplicate clips.",
    ),
    Row(
        "background leak",
        lambda s: s.background,
        "Vary the scenes and caption the backgrounds, then retrain.",
    ),
    Row("too strong", lambda s: s.best_weight is not None and s.best_weight < 0.7, GAP),
    Row("overfit", lambda s: s.curve == "OVERFIT" and s.verdict != "PASS", GAP),
    Row(
        "under-trained",
        lambda s: s.best_weight is not None and s.best_weight > 1.3 and s.mode == "quality",
        "Train more steps; then twice the learning rate.",
    ),
    Row(
        "inconclusive",
        lambda s: s.verdict == "INCONCLUSIVE",
        "Too few prompts to decide ({prompts}): add {missing} to [evaluate] prompts and build again.",
    ),
    Row(
        "trigger weak in fast",
        lambda s: s.mode == "fast" and s.tests["trigger"] == "WARN",
        "Run quality: the trigger is weaker than it should be, which more training may mend.",
    ),
    Row(
        "trigger missing",
        lambda s: s.tests["trigger"] == "FAIL",
        "Look at the captions and the trigger (TRG rules), then retrain.",
    ),
    Row(
        "class leak",
        lambda s: s.class_leak,
        "The class word has learned the concept too: raise [train] prior, or caption some clips' other subjects.",
    ),
    Row("drift", _drift, "Use an earlier checkpoint, or a lower learning rate."),
    Row(
        "artifacts late",
        lambda s: s.broken_from is not None and s.broken_from > 1,
        "Ship it with a maximum weight of {most:g}.",
    ),
    Row(
        "artifacts",
        lambda s: s.broken_from is not None,
        "Compare the samples with the base's: if the clips do not look like that, half the rank or fewer steps.",
    ),
    Row(
        "stubborn clip",
        lambda s: s.stubborn > 0,
        "Look at the clip whose loss never falls.",
    ),
    Row(
        "fast passed",
        lambda s: s.mode == "fast" and s.verdict == "PASS",
        "Good enough: ship it; or run quality for a sharper one.",
    ),
    Row(
        "fast, still learning",
        lambda s: s.mode == "fast",
        "Look at the samples, then run quality.",
    ),
    Row("passed", lambda s: s.verdict == "PASS", "Ship it."),
    Row("rest", lambda s: True, "Look at the samples of the tests that did not pass, then decide."),
)


def advise(signature: Signature) -> str:
    """The action of the first row that fits."""
    row = next(row for row in ROWS if row.fits(signature))
    most = signature.max_weight if signature.max_weight is not None else 1.0
    return row.action.format(prompts=signature.prompts, missing=signature.missing_prompts, most=most)
