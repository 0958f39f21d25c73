"""Four drafts to four outcomes, one verdict, a headline and the gate. Knows no measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ltxbuild.job import JsonDict
from ltxbuild.stages.judge import isolation, novel, reference, trigger, weight
from ltxbuild.stages.judge.advice import Signature, advise
from ltxbuild.stages.judge.curve import stubborn
from ltxbuild.stages.judge.evidence import Evidence
from ltxbuild.stages.judge.holm import holm
from ltxbuild.stages.judge.outcome import Draft, Outcome, Verdict, decide, prompts_needed
from ltxbuild.stages.judge.thresholds import HEADLINES, LEAST_PROMPTS

SKIPPED: tuple[tuple[str, str], ...] = (
    (
        "Likeness by face, style or DINOv2 embeddings",
        "no embedding model is installed; pooled latents stand in",
    ),
    ("Flow-warp error and camera movement", "optical flow is not measured yet"),
    ("Artifacts against the range of the training clips", "the clips' own measures are not taken yet"),
)


def draft_tests(evidence: Evidence) -> dict[str, Draft]:
    """The four tests' measurements by id."""
    drafts = (
        reference.measure(evidence) if evidence.kind == "control" else trigger.measure(evidence),
        novel.measure(evidence),
        weight.measure(evidence),
        isolation.measure(evidence),
    )
    return {draft.id: draft for draft in drafts}


def judge(evidence: Evidence, curve: JsonDict) -> JsonDict:
    """The whole evaluation.json."""
    drafts = draft_tests(evidence)
    adjusted = holm({name: draft.p for name, draft in drafts.items()}, HEADLINES)
    outcomes = [decide(draft, adjusted[name]) for name, draft in drafts.items()]
    verdict = overall(outcomes, curve)
    use, most = weight.recommended(drafts["weight"])
    signature = _signature(evidence, drafts, outcomes, verdict, curve)
    return {
        "verdict": verdict,
        "mode": evidence.mode,
        "headline": _headline(verdict, outcomes, curve),
        "weight": use if verdict in ("PASS", "WARN") else None,
        "max_weight": most,
        "step": curve.get("chosen"),
        "next": advise(signature),
        "tests": [outcome.json() for outcome in outcomes],
        "curve": curve,
        "skipped": _skipped(evidence, curve),
    }


def overall(outcomes: Sequence[Outcome], curve: Mapping[str, Any]) -> Verdict:
    """FAIL if any test fails; PASS only if all pass and held-out clips were there to show overfitting."""
    found = {outcome.draft.id: outcome.verdict for outcome in outcomes}
    if "FAIL" in found.values() or curve.get("verdict") == "DIVERGED":
        return "FAIL"
    if found["trigger"] == "INCONCLUSIVE":
        return "INCONCLUSIVE"
    if set(found.values()) == {"PASS"} and curve.get("clips") and not curve.get("optimistic"):
        return "PASS"
    return "WARN"


def gate(evaluation: Mapping[str, Any]) -> JsonDict:
    """Whether a quality run may follow: the trigger test is PASS or WARN, and no test is FAIL."""
    response = next(test for test in evaluation["tests"] if test["id"] == "trigger")
    failed = [test["title"] for test in evaluation["tests"] if test["verdict"] == "FAIL"]
    if failed:
        return {"ok": False, "why": f"{', '.join(failed)} failed: {evaluation['next']}"}
    name = str(response["title"]).lower()
    if response["verdict"] == "INCONCLUSIVE":
        return {"ok": False, "why": f"the {name.split()[0]} test is inconclusive: {evaluation['next']}"}
    return {"ok": True, "why": f"{name} {response['verdict']}, no test failed"}


def _headline(verdict: Verdict, outcomes: Sequence[Outcome], curve: Mapping[str, Any]) -> str:
    def named(kind: Verdict) -> str:
        return ", ".join(o.draft.title.lower() for o in outcomes if o.verdict == kind)

    if curve.get("verdict") == "DIVERGED":
        return "Training diverged: the held-out loss ended above the base's."
    if verdict == "FAIL":
        return f"Not to be used yet: {named('FAIL')} failed."
    if verdict == "INCONCLUSIVE":
        return "No verdict: too little was measured to decide."
    if verdict == "PASS":
        return "The LoRA does what it was trained for, and no more."
    open_ends = named("WARN") or named("INCONCLUSIVE")
    if not open_ends:
        return "All four tests pass, but without held-out clips overfitting cannot be judged."
    return f"Usable, with reservations about {open_ends}."


def _signature(
    evidence: Evidence,
    drafts: Mapping[str, Draft],
    outcomes: Sequence[Outcome],
    verdict: Verdict,
    curve: Mapping[str, Any],
) -> Signature:
    details: dict[str, Any] = {name: draft.details for name, draft in drafts.items()}
    best = details["weight"].get("best")
    broken = [float(w) for w, flag in details["weight"]["artifacts"].items() if flag]
    inconclusive = [o.draft for o in outcomes if o.verdict == "INCONCLUSIVE"] or [drafts["trigger"]]
    prompts = min(draft.n for draft in inconclusive)
    wanted = max(prompts_needed(draft.differences, draft.minimum) for draft in inconclusive)
    return Signature(
        mode=evidence.mode,
        verdict=verdict,
        tests={outcome.draft.id: outcome.verdict for outcome in outcomes},
        curve=str(curve.get("verdict") or ""),
        heldout=int(curve.get("clips") or 0),
        prompts=prompts,
        missing_prompts=max(1, wanted - prompts),
        best_weight=float(best["weight"]) if best and best["decides"] else None,
        trigger=trigger.signature(drafts["trigger"]),
        copying=any("copying" in reason for reason in drafts["novel"].failures),
        background=any("background" in reason for reason in drafts["isolation"].warnings),
        class_leak=any("class word" in reason for reason in drafts["isolation"].warnings),
        stubborn=len(stubborn(curve)),
        broken_from=min(broken) if broken else None,
        max_weight=weight.recommended(drafts["weight"])[1],
    )


def _skipped(evidence: Evidence, curve: Mapping[str, Any]) -> list[Any]:
    rows = list(SKIPPED)
    if evidence.kind == "control":
        rows += [
            ("Novel scenes", "a control LoRA is meant to come near to the clip whose reference it is shown"),
            ("Isolation", "a control LoRA is not used without a reference"),
        ]
    clips = int(curve.get("clips") or 0)
    if not clips:
        rows.append(("Overfitting", "no clip is held out, so it cannot be judged"))
    elif curve.get("optimistic"):
        rows.append(("Overfitting", "the clips whose loss is measured also train, so it falls in any case"))
    elif not curve.get("decides"):
        rows.append(
            ("Verdicts from held-out losses", f"{clips} held-out clips are shown but too few to decide (7)")
        )
    prompts = len({name.split(".", 1)[0] for name in evidence.samples if name.startswith("p")})
    if prompts < LEAST_PROMPTS:
        rows.append(("Sign-flip tests", f"{prompts} prompts; with fewer than {LEAST_PROMPTS} none can pass"))
    return [{"what": what, "why": why} for what, why in rows]
