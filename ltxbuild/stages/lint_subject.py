"""Findings about the subject of each clip, as a detector saw it and as `[lint]` weighs them.

Input: clips, a group of {"subject": subject.json} by key. Params: paths {key: file}, select, ignore, severity,
ignored {key: [codes]}. Outputs: `findings.json`, sorted, and `ok.json` {"ok", "why"}: false while there is an error.
"""

from __future__ import annotations

from typing import Any

from ltxbuild.job import Job, read_json
from ltxbuild.lint.facts import SubjectFacts
from ltxbuild.lint.registry import rules_of
from ltxbuild.stages.lint import weigh


def run(job: Job) -> None:
    """Write findings.json and ok.json."""
    params: dict[str, Any] = dict(job.params)
    found = []
    for key, member in sorted(job.inputs["clips"].items()):
        seen = read_json(member["subject"].path)
        pictures = tuple(picture["boxes"] for picture in seen["pictures"])
        facts = SubjectFacts(key, params["paths"][key], seen["word"], pictures)
        found += [finding for rule in rules_of("subject") for finding in rule.findings(facts)]
    weigh(job, found, params)
