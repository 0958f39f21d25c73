"""Test 4: does the LoRA leave alone what it was not trained on? Knows no other test."""

from __future__ import annotations

from statistics import fmean, median

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge.evidence import (
    BASE_PLAIN,
    BASE_TRIGGER,
    LORA_PLAIN,
    LORA_TRIGGER,
    Evidence,
    log_ratio,
)
from ltxbuild.stages.judge.losses import log_ratios
from ltxbuild.stages.judge.outcome import Draft
from ltxbuild.stages.judge.pooling import centre, corners, distance
from ltxbuild.stages.judge.signflip import p_greater
from ltxbuild.stages.judge.thresholds import (
    ALPHA,
    BORDER_SHIFT,
    CLASS_LEAK,
    DRIFT_FAIL,
    DRIFT_WARN,
    LEAST_PROMPTS,
    MAIN_WEIGHT,
)

TITLE = "Isolation"
QUESTION = "Does everything else stay as the base makes it?"
WHOLE_PICTURE = {"style", "world", "control"}
"""Types that are meant to change the background, so that it cannot leak."""


def measure(evidence: Evidence) -> Draft:
    """Per prompt: rise of the loss on the base's own samples; background and class word beside it."""
    # Without a reference a control LoRA is out of its element, and with one it is meant to change everything.
    judged = evidence.kind != "control"
    drift = tuple(log_ratios(evidence.drift, MAIN_WEIGHT, evidence.drift).values()) if judged else ()
    border = _border(evidence)
    leak = _class_leak(evidence)
    return Draft(
        id="isolation",
        title=TITLE,
        question=QUESTION,
        differences=drift,
        minimum=DRIFT_WARN,
        must_not=DRIFT_FAIL,
        warnings=(*_border_warning(border), *_leak_warning(leak)),
        details={"border": border, "class_word_share": leak},
    )


def _border(evidence: Evidence) -> JsonDict | None:
    """How far the corners approach the training clips' corners, and the middle theirs; None if it may."""
    prompts = evidence.prompts(LORA_TRIGGER, BASE_TRIGGER)
    if evidence.kind in WHOLE_PICTURE or len(prompts) < LEAST_PROMPTS or not evidence.training:
        return None
    target = evidence.target()
    shifts: dict[str, list[float]] = {}
    for name, part in (("border", corners), ("centre", centre)):
        pairs = [(evidence.pooled(k, *LORA_TRIGGER), evidence.pooled(k, *BASE_TRIGGER)) for k in prompts]
        goal = part(target)
        shifts[name] = [log_ratio(distance(part(b), goal), distance(part(a), goal)) for a, b in pairs]
    return {
        "shift": fmean(shifts["border"]),
        "centre_shift": fmean(shifts["centre"]),
        "p": p_greater(shifts["border"]),
        "n": len(prompts),
    }


def _border_warning(border: JsonDict | None) -> tuple[str, ...]:
    if border is None:
        return ()
    shift, middle, p = border["shift"], border["centre_shift"], border["p"]
    assert isinstance(shift, float) and isinstance(middle, float) and isinstance(p, float)
    if p <= ALPHA and shift >= BORDER_SHIFT and shift >= middle:
        return ("The corners move towards the training clips as much as the middle: the background leaks.",)
    return ()


def _class_leak(evidence: Evidence) -> float | None:
    """Median share of the trigger's movement that the class word alone causes."""
    if evidence.kind == "control":  # its arms differ in the reference, and both are meant to be followed
        return None
    prompts = evidence.prompts(LORA_TRIGGER, LORA_PLAIN, BASE_TRIGGER, BASE_PLAIN)
    shares = []
    for k in prompts:
        plain = distance(evidence.pooled(k, *LORA_PLAIN), evidence.pooled(k, *BASE_PLAIN))
        trigger = distance(evidence.pooled(k, *LORA_TRIGGER), evidence.pooled(k, *BASE_TRIGGER))
        shares.append(plain / max(trigger, 1e-6))
    return median(shares) if len(shares) >= LEAST_PROMPTS else None


def _leak_warning(leak: float | None) -> tuple[str, ...]:
    if leak is not None and leak > CLASS_LEAK:
        return (f"The class word without the trigger moves samples {leak:.0%} as far as the trigger does.",)
    return ()
