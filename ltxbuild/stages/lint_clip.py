"""What rules find in one clip and its caption. Decides nothing about severity settings: those belong to
`lint`.

Inputs: probe, scan, moments. Params: clip (key), path, caption (or null), trigger, class, type, draft, ranges (the
base's, see ltxbuild.lint.facts), smallest (the least bucket: frames, or {"frames", "width", "height"}); start
(seconds, or null), crop (a side, or null), audio (what becomes of sound) and ladder (the parameters of
`bucket`, or null where its shapes say nothing). Outputs `findings.json` and `fit.json`: {"fit": see
ltxbuild.stages.fit, "bucket": as `bucket` writes it, "moments": as `scan` does}, the first two null where they are not
known. Nothing is decoded for it, so lint need not wait for transcoding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ltxbuild.job import Job, Json, JsonDict, StageError, read_json, write_json
from ltxbuild.lint.facts import ClipFacts, Ranges
from ltxbuild.lint.registry import rules_of
from ltxbuild.stages.bucket import choose_bucket, ladder_of
from ltxbuild.stages.fit import fit_of


def run(job: Job) -> None:
    """Write findings.json and fit.json."""
    params: dict[str, Any] = dict(job.params)
    smallest = params.get("smallest") or {}
    facts = ClipFacts(
        key=params["clip"],
        path=params.get("path") or f"clips/{params['clip']}",
        caption=params.get("caption"),
        trigger=params.get("trigger") or "",
        class_word=params.get("class") or "",
        type=params.get("type") or "",
        draft=bool(params.get("draft")),
        probe=read_json(job.inputs["probe"].path),
        scan=read_json(job.inputs["scan"].path),
        moments=read_json(job.inputs["moments"].path),
        ranges=Ranges(params.get("ranges") or {}),
        smallest=smallest if isinstance(smallest, dict) else {"frames": int(smallest)},
        crop=params.get("crop"),
        audio=params.get("audio"),
    )
    bucket = _bucket(facts, params.get("ladder"))
    facts = replace(facts, bucket=bucket or {})
    findings: list[Json] = [hit for rule in rules_of("clip") for hit in rule.findings(facts)]
    write_json(job.out / "findings.json", findings)
    fps = facts.ranges.number("fps")
    fit = (
        fit_of(facts.shown_size, fps, facts.probe, facts.scan, params.get("start"))
        if facts.readable
        else None
    )
    if bucket is not None and facts.crop == "subject":
        bucket["placed"] = False  # where the subject is, is found later
    write_json(job.out / "fit.json", {"fit": fit, "bucket": bucket, "moments": dict(facts.moments)})


def _bucket(facts: ClipFacts, ladder: dict[str, Any] | None) -> JsonDict | None:
    if ladder is None or not facts.readable:
        return None
    frames = max(1, round(facts.scan["duration"] * facts.ranges.number("fps"))) if facts.moving else 1
    try:
        return choose_bucket(*facts.shown_size, frames, ladder_of(ladder), facts.crop or "centre")
    except StageError:
        return None  # no shape fits the budget: settings that the bucket itself refuses, with the reason
