"""Test 3: at which weight is the LoRA best, and does it hold together there? Knows no other test."""

from __future__ import annotations

from itertools import pairwise

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge.artifacts import artifacts
from ltxbuild.stages.judge.best_weight import BestWeight, best_weight
from ltxbuild.stages.judge.evidence import BASE_TRIGGER, Evidence, log_ratio, mean
from ltxbuild.stages.judge.outcome import Draft
from ltxbuild.stages.judge.pooling import distance
from ltxbuild.stages.judge.thresholds import (
    BEST_WEIGHT_HIGH,
    BEST_WEIGHT_LOW,
    BEST_WEIGHT_STRONG,
    BEST_WEIGHT_UNDER,
    LEAST_HELDOUT,
    MAIN_WEIGHT,
    WEIGHT_RISE,
)

TITLE = "Weight"
UNDER = "The samples hardly change with the weight yet: under-trained."
QUESTION = "Does the effect grow with the weight, without breaking the picture?"


def measure(evidence: Evidence) -> Draft:
    """Per prompt: log of the distance to the base's sample, highest against lowest sampled weight."""
    weights = evidence.sampled_weights()
    arms = [("lora", "trigger", w) for w in weights]
    prompts = evidence.prompts(*arms, BASE_TRIGGER) if len(weights) > 1 else []
    effects = {w: [_moved(evidence, k, w) for k in prompts] for w in weights}
    rises: list[float] = []
    if prompts:
        rises = [log_ratio(b, a) for a, b in zip(effects[weights[0]], effects[weights[-1]], strict=True)]
    flags = {w: artifacts(evidence, w) for w in weights}
    found = best_weight(evidence.weights)
    details: JsonDict = {
        "effects": {f"{w:g}": mean(values) for w, values in effects.items() if values},
        "artifacts": {f"{w:g}": dict(flag) for w, flag in flags.items()},
        "best": _best_json(found),
    }
    verdicts = _judge_best(found, evidence.mode)
    return Draft(
        id="weight",
        title=TITLE,
        question=QUESTION,
        differences=tuple(rises),
        minimum=WEIGHT_RISE,
        excuse=UNDER if evidence.mode == "fast" else None,
        failures=verdicts[0],
        warnings=(*verdicts[1], *_flag_warning(flags), *_not_monotone(details["effects"])),
        details=details,
    )


def recommended(draft: Draft) -> tuple[float, float | None]:
    """The weight to use and the most to use, from held-out losses if they may decide and from artifacts."""
    best, flags = draft.details.get("best"), draft.details.get("artifacts")
    weight = MAIN_WEIGHT
    if isinstance(best, dict) and best["decides"]:
        weight = min(1.1, max(0.6, round(float(best["weight"]) * 20) / 20))
    broken = [float(w) for w, flag in flags.items() if flag] if isinstance(flags, dict) else []
    if not broken:
        return weight, None
    # Below the lowest weight with artifacts, with a margin; 1.0 if they come only at 1.1.
    most = round(min(broken) - 0.1, 2)
    return min(weight, most), most


def _moved(evidence: Evidence, prompt: int, weight: float) -> float:
    sample = evidence.pooled(prompt, "lora", "trigger", weight)
    return distance(sample, evidence.pooled(prompt, *BASE_TRIGGER))


def _best_json(found: BestWeight | None) -> JsonDict | None:
    if found is None:
        return None
    return {
        "weight": found.best,
        "interval": list(found.interval) if found.interval else None,
        "clips": found.clips,
        "decides": found.clips >= LEAST_HELDOUT,
        "at_edge": found.at_edge,
        "points": [list(point) for point in found.points],
        "fit": [list(point) for point in found.fit],
    }


def _judge_best(found: BestWeight | None, mode: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(failures, warnings) of the best weight; nothing with too few held-out clips."""
    if found is None or found.clips < LEAST_HELDOUT:
        return (), ()
    best = found.best
    if best < BEST_WEIGHT_STRONG:
        return (f"Held-out loss is lowest at a weight of {best:g}: too strong, or overfit.",), ()
    if best < BEST_WEIGHT_HIGH:
        return (), (f"Held-out loss is lowest at a weight of {best:g}: a little too strong.",)
    if best > BEST_WEIGHT_UNDER:
        text = f"Held-out loss still falls at a weight of {best:g}: under-trained."
        return ((), (text,)) if mode == "fast" else ((text,), ())
    if best > BEST_WEIGHT_LOW:
        return (), (f"Held-out loss is lowest at a weight of {best:g}: a little weak.",)
    return (), ()


def _flag_warning(flags: dict[float, dict[str, float]]) -> tuple[str, ...]:
    broken = {w: sorted(flag) for w, flag in flags.items() if flag}
    if not broken:
        return ()
    # No failure: the range of the training clips, which a style may rightly take on, is unmeasured.
    first = min(broken)
    return (f"From a weight of {first:g}, {', '.join(broken[first])} leave the base's range.",)


def _not_monotone(effects: object) -> tuple[str, ...]:
    values = [float(v) for v in effects.values()] if isinstance(effects, dict) else []
    if any(b < a for a, b in pairwise(values)):
        return ("The effect does not rise steadily over the weights.",)
    return ()
