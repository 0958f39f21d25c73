"""Test 1: does the trigger call the concept, and does it stay away without it? Knows no other test."""

from __future__ import annotations

from statistics import median

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge.evidence import (
    BASE_PLAIN,
    BASE_TRIGGER,
    LORA_PLAIN,
    LORA_TRIGGER,
    Evidence,
    log_ratio,
    mean,
)
from ltxbuild.stages.judge.losses import trigger_gain
from ltxbuild.stages.judge.outcome import Draft
from ltxbuild.stages.judge.pooling import distance, share_of_way
from ltxbuild.stages.judge.signflip import p_greater
from ltxbuild.stages.judge.thresholds import (
    ALPHA,
    ALWAYS_ON,
    LEAST_HELDOUT,
    LEAST_PROMPTS,
    TRIGGER_DIRECTION,
    TRIGGER_GAP,
)

TITLE = "Trigger response"
QUESTION = "Does the trigger call the concept?"


def measure(evidence: Evidence) -> Draft:
    """Per prompt: log of the distance trigger/class word, LoRA against base.

    Beside it: how much more of the way to the training clips the trigger moves a sample than the class word does.
    """
    prompts = evidence.prompts(LORA_TRIGGER, LORA_PLAIN, BASE_TRIGGER, BASE_PLAIN)
    way = evidence.way(prompts) if evidence.training and prompts else None
    gaps, directions, leaks, moved = [], [], [], []
    for k in prompts:
        a, b = evidence.pooled(k, *LORA_TRIGGER), evidence.pooled(k, *LORA_PLAIN)
        base_a, base_b = evidence.pooled(k, *BASE_TRIGGER), evidence.pooled(k, *BASE_PLAIN)
        gaps.append(log_ratio(distance(a, b), distance(base_a, base_b)))
        leaks.append(distance(b, base_b) / max(distance(a, base_a), 1e-6))
        moved.append(distance(a, base_a) / max(distance(base_a, base_b), 1e-6))
        if way is not None:
            directions.append(share_of_way((a - base_a) - (b - base_b), way))
    gain = trigger_gain(evidence.weights, evidence.plain)
    details: JsonDict = {
        "loss_gain": dict(gain),
        "loss_gain_decides": len(gain) >= LEAST_HELDOUT,
        "directions": list(directions),
    }
    if leaks:
        details.update({"class_word_share": median(leaks), "moved": median(moved)})
    if directions:
        details.update({"direction": mean(directions), "direction_minimum": TRIGGER_DIRECTION})
    return Draft(
        id="trigger",
        title=TITLE,
        question=QUESTION,
        differences=tuple(gaps),
        also=tuple(directions),
        also_missing="The trigger changes samples, but it is not shown that they approach the training clips.",
        minimum=TRIGGER_GAP,
        excuse=_excuse(evidence, moved),
        failures=_failures(gaps, leaks, moved),
        warnings=(*_weak_direction(directions), *_loss_warning(gain)),
        details=details,
    )


def signature(draft: Draft) -> str:
    """What the samples look like: "always on", "not applied", or "" if neither."""
    leak, moved = draft.details.get("class_word_share"), draft.details.get("moved")
    if not isinstance(leak, float) or not isinstance(moved, float):
        return ""
    if moved < 1e-3:
        return "not applied"
    return "always on" if draft.failures else ""


def _failures(gaps: list[float], leaks: list[float], moved: list[float]) -> tuple[str, ...]:
    if not gaps:
        return ()
    if max(moved) < 1e-3:
        return ("With and without the LoRA the samples are the same: it was not applied.",)
    # The word's own effect in the base is the yardstick of "far": less movement than that is no takeover.
    if median(leaks) > ALWAYS_ON and median(moved) > 1 and mean(gaps) < TRIGGER_GAP:
        return ("The concept is always on: the class word alone changes the samples as much as the trigger.",)
    return ()


def _weak_direction(directions: list[float]) -> tuple[str, ...]:
    if directions and mean(directions) < TRIGGER_DIRECTION:
        return ("The trigger moves samples, but hardly towards the training clips.",)
    return ()


def _loss_warning(gain: dict[str, float]) -> tuple[str, ...]:
    if len(gain) >= LEAST_HELDOUT and p_greater(list(gain.values())) > ALPHA:
        return (f"On {len(gain)} held-out clips the trigger does not lower the loss.",)
    return ()


def _excuse(evidence: Evidence, moved: list[float]) -> str | None:
    if evidence.mode != "fast" or len(moved) < LEAST_PROMPTS:
        return None
    return "The trigger does little yet: under-trained, which a fast run may be."
