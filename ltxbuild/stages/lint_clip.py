"""What rules find in one clip and its caption. Decides nothing about severity settings: those belong to
`lint`.

Inputs: probe, scan. Params: clip (key), path, caption (or null), trigger, class, type, draft, ranges (the
base's, see ltxbuild.lint.facts), smallest (the least bucket: frames, or {"frames", "width", "height"}).
Output `findings.json`.
"""

from __future__ import annotations

from typing import Any

from ltxbuild.job import Job, Json, read_json, write_json
from ltxbuild.lint.facts import ClipFacts, Ranges
from ltxbuild.lint.registry import rules_of


def run(job: Job) -> None:
    """Write findings.json."""
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
        ranges=Ranges(params.get("ranges") or {}),
        smallest=smallest if isinstance(smallest, dict) else {"frames": int(smallest)},
    )
    findings: list[Json] = [hit for rule in rules_of("clip") for hit in rule.findings(facts)]
    write_json(job.out / "findings.json", findings)
