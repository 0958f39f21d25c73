"""Test 1 of a control LoRA: do samples follow the reference that they are shown? Knows no other test.

Its arms have the names of the trigger's: "trigger" is a prompt with one clip's reference, "plain" the same words with
another clip's.
"""

from __future__ import annotations

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge.evidence import (
    BASE_PLAIN,
    BASE_TRIGGER,
    LORA_PLAIN,
    LORA_TRIGGER,
    Evidence,
    mean,
    sample_id,
)
from ltxbuild.stages.judge.losses import trigger_gain
from ltxbuild.stages.judge.outcome import Draft
from ltxbuild.stages.judge.pooling import distance, share_of_way
from ltxbuild.stages.judge.signflip import p_greater
from ltxbuild.stages.judge.thresholds import ALPHA, FOLLOWED, LEAST_HELDOUT, LEAST_PROMPTS

TITLE = "Reference response"
QUESTION = "Do samples follow the reference?"


def measure(evidence: Evidence) -> Draft:
    """Per prompt: the share of the way from one clip to another that the LoRA moves a sample, beyond what the base does,
    when the one's reference gives way to the other's.
    """
    prompts = evidence.prompts(LORA_TRIGGER, LORA_PLAIN, BASE_TRIGGER, BASE_PLAIN)
    follows, moved = [], []
    for k in prompts:
        one, other = (evidence.target_of(sample_id(k, *arm)) for arm in (LORA_TRIGGER, LORA_PLAIN))
        if one is None or other is None or distance(one, other) < 1e-6:
            continue
        a, b = evidence.pooled(k, *LORA_TRIGGER), evidence.pooled(k, *LORA_PLAIN)
        base_a, base_b = evidence.pooled(k, *BASE_TRIGGER), evidence.pooled(k, *BASE_PLAIN)
        follows.append(share_of_way((a - b) - (base_a - base_b), one - other))
        moved.append(distance(a, base_a) / max(distance(base_a, base_b), 1e-6))
    gain = trigger_gain(evidence.weights, evidence.plain)
    details: JsonDict = {"loss_gain": dict(gain), "loss_gain_decides": len(gain) >= LEAST_HELDOUT}
    if moved:
        details["moved"] = mean(moved)
    still = bool(moved) and max(moved) < 1e-3
    return Draft(
        id="trigger",
        title=TITLE,
        question=QUESTION,
        differences=tuple(follows),
        minimum=FOLLOWED,
        excuse=_excuse(evidence, len(follows)),
        failures=("With and without the LoRA the samples are the same: it was not applied.",)
        if still
        else (),
        warnings=_loss_warning(gain),
        details=details,
    )


def _excuse(evidence: Evidence, count: int) -> str | None:
    if evidence.mode != "fast" or count < LEAST_PROMPTS:
        return None
    return "The reference does little yet: under-trained, which a fast run may be."


def _loss_warning(gain: dict[str, float]) -> tuple[str, ...]:
    if len(gain) >= LEAST_HELDOUT and p_greater(list(gain.values())) > ALPHA:
        return (
            f"On {len(gain)} held-out clips their own reference lowers the loss no more than another clip's.",
        )
    return ()
