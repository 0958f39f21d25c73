"""Test 2: is the concept there in scenes the clips never showed, and not copied? Knows no other test."""

from __future__ import annotations

from statistics import fmean

import numpy as np

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge.evidence import (
    BASE_TRIGGER,
    LORA_TRIGGER,
    Evidence,
    Vector,
    mean,
    nearest,
)
from ltxbuild.stages.judge.outcome import Draft
from ltxbuild.stages.judge.pooling import distance, share_of_way
from ltxbuild.stages.judge.ranks import p_smaller
from ltxbuild.stages.judge.thresholds import (
    ALPHA,
    CONCEPT_GAIN,
    CONCEPT_KEPT,
    COPY_P,
    COPY_SHARE,
    LEAST_HELDOUT,
    PROMPT_KEPT,
)

TITLE = "Novel scenes"
QUESTION = "Does the concept survive in scenes the clips never showed?"


def measure(evidence: Evidence) -> Draft:
    """Per prompt: share of the way from the base's samples to the training mean. Copying and lost prompts fail."""
    # A control LoRA is meant to bring a sample near to the clip of the reference: that would count as a copy.
    judged = evidence.training and evidence.kind != "control"
    prompts = evidence.prompts(LORA_TRIGGER, BASE_TRIGGER) if judged else []
    lora = [evidence.pooled(k, *LORA_TRIGGER) for k in prompts]
    base = [evidence.pooled(k, *BASE_TRIGGER) for k in prompts]
    if not prompts:
        return Draft("novel", TITLE, (), CONCEPT_GAIN, QUESTION)
    way = evidence.way(prompts)
    gains = tuple(share_of_way(a - b, way) for a, b in zip(lora, base, strict=True))
    copying = _copying(evidence, lora, base)
    kept = _prompts_kept(lora, base)
    concept = _concept_kept(evidence, gains, base, way)
    return Draft(
        id="novel",
        title=TITLE,
        question=QUESTION,
        differences=gains,
        minimum=CONCEPT_GAIN,
        excuse="Samples hardly approach the clips yet: under-trained." if evidence.mode == "fast" else None,
        failures=(*_copy_failure(copying), *_prompt_failure(kept)),
        warnings=(*_prompt_warning(kept), *_concept_warning(concept)),
        details={
            "copying": copying,
            "prompts_kept": kept,
            "concept_kept": concept,
            "nearest": _nearest(evidence),
        },
    )


def _nearest(evidence: Evidence) -> JsonDict:
    found: JsonDict = {}
    for name, sample in sorted(evidence.samples.items()):
        if ".lora." in name:
            clip, gap = nearest(sample.pooled, evidence.training)
            found[name] = {"latents": clip, "distance": gap}
    return found


def _references(evidence: Evidence) -> list[float]:
    """Distances to training clips that no copying explains.

    Those of held-out clips and, if these are few, of each training clip to the others.
    """
    training = evidence.training
    found = [min(nearest(w, training)[1] for w in clip.windows) for clip in evidence.heldout.values()]
    if len(found) < LEAST_HELDOUT and len(training) > 1:
        for name, clip in training.items():
            others = {other: c for other, c in training.items() if other != name}
            found.append(min(nearest(w, others)[1] for w in clip.windows))
    return found


def _copying(evidence: Evidence, lora: list[Vector], base: list[Vector]) -> JsonDict:
    references = _references(evidence)
    if not references:
        return {"p": None, "base_p": None, "share": None, "references": 0, "suspects": 0}
    gaps = [nearest(x, evidence.training)[1] for x in lora]
    base_gaps = [nearest(x, evidence.training)[1] for x in base]
    suspects = sum(gap < min(references) for gap in gaps)
    return {
        "p": p_smaller(gaps, references),
        "base_p": p_smaller(base_gaps, references),
        "share": suspects / len(gaps),
        "suspects": suspects,
        "references": len(references),
        "heldout": len(evidence.heldout),
    }


def _copy_failure(copying: JsonDict) -> tuple[str, ...]:
    p, base_p, share = copying["p"], copying["base_p"], copying["share"]
    if not isinstance(p, float) or not isinstance(base_p, float) or not isinstance(share, float):
        return ()
    # The base never saw the clips: where its own samples lie as close, closeness is no copying.
    if base_p <= ALPHA:
        return ()
    # With 8 samples and 7 references two samples come first in 27 % of fair draws: no proof alone.
    if p < COPY_P or (share >= COPY_SHARE and p <= ALPHA):
        return ("Samples lie closer to training clips than other clips of the set do: copying.",)
    return ()


def _prompts_kept(lora: list[Vector], base: list[Vector]) -> JsonDict:
    """Share of samples that lie nearer to the base's sample of their own prompt than to that of any other."""
    own = [min(range(len(base)), key=lambda j: distance(x, base[j])) == i for i, x in enumerate(lora)]
    return {"share": fmean(own), "chance": 1 / len(lora), "n": len(lora)}


def _prompt_failure(kept: JsonDict) -> tuple[str, ...]:
    share = kept["share"]
    if isinstance(share, float) and share < PROMPT_KEPT / 2:
        return (f"Only {share:.0%} of the samples still show their own prompt rather than another's.",)
    return ()


def _prompt_warning(kept: JsonDict) -> tuple[str, ...]:
    share = kept["share"]
    if isinstance(share, float) and PROMPT_KEPT / 2 <= share < PROMPT_KEPT:
        return (f"{share:.0%} of the samples show their own prompt rather than another's.",)
    return ()


def _concept_kept(evidence: Evidence, gains: tuple[float, ...], base: list[Vector], way: Vector) -> JsonDict:
    """The gain of novel prompts as a share of that of training captions, from where the base's samples lie."""
    known = list(evidence.in_distribution().values())
    if not known:
        return {"share": None, "n": 0}
    start = np.mean(base, axis=0)
    reference = mean(share_of_way(sample.pooled - start, way) for sample in known)
    # Without a gain on the training captions themselves there is nothing to keep.
    share = fmean(gains) / reference if reference > CONCEPT_GAIN else None
    return {"share": share, "reference": reference, "n": len(known)}


def _concept_warning(concept: JsonDict) -> tuple[str, ...]:
    share = concept["share"]
    if isinstance(share, float) and share < CONCEPT_KEPT:
        return (f"Novel prompts keep {max(share, 0):.0%} of what training captions show.",)
    return ()
