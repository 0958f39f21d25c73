"""Pictures that leave the range of the base's own. Knows measures by name, no threshold of a verdict."""

from __future__ import annotations

from ltxbuild.stages.judge.evidence import Evidence, sample_id
from ltxbuild.stages.judge.thresholds import ARTIFACT_MARGIN, ARTIFACT_SHARE

MEASURES = ("sharpness", "noise", "saturation", "clipped", "flicker")


def artifacts(evidence: Evidence, weight: float) -> dict[str, float]:
    """The measures outside the base's range on most prompts at `weight`, with their share of prompts."""
    base = [s.measures for name, s in evidence.samples.items() if ".base." in name]
    found: dict[str, float] = {}
    for measure in MEASURES:
        known = [m[measure] for m in base if measure in m]
        values = _values(evidence, weight, measure)
        if len(known) < 2 or not values:
            continue
        margin = ARTIFACT_MARGIN * (max(known) - min(known))
        low, high = min(known) - margin, max(known) + margin
        # All on one side: a spread that grows both ways is variety, no artifact.
        share = max(sum(v < low for v in values), sum(v > high for v in values)) / len(values)
        if share >= ARTIFACT_SHARE:
            found[measure] = share
    return found


def _values(evidence: Evidence, weight: float, measure: str) -> list[float]:
    prompts = evidence.prompts(("lora", "trigger", weight))
    samples = (evidence.samples[sample_id(k, "lora", "trigger", weight)] for k in prompts)
    return [s.measures[measure] for s in samples if measure in s.measures]
