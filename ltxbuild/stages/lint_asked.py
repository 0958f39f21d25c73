"""Findings about what models saw and heard in the clips, as `[lint]` weighs them.

Input: clips, a group of {"subject", "hearing"} by key, each of which may be absent. Params: paths {key: file}, captions
{key: caption or null}, select, ignore, severity, ignored {key: [codes]}. Outputs: `findings.json`, sorted, and `ok.json`
{"ok", "why"}: false while there is an error.
"""

from __future__ import annotations

from typing import Any

from ltxbuild.job import Job, read_json
from ltxbuild.lint import detected, heard
from ltxbuild.lint.facts import HeardFacts, SubjectFacts
from ltxbuild.stages.lint import weigh


def run(job: Job) -> None:
    """Write findings.json and ok.json."""
    params: dict[str, Any] = dict(job.params)
    found, subjects = [], []
    for key, member in sorted(job.inputs["clips"].items()):
        path = params["paths"][key]
        if "subject" in member:
            seen = read_json(member["subject"].path)
            pictures = tuple(picture["boxes"] for picture in seen["pictures"])
            subject = SubjectFacts(key, path, seen["word"], pictures)
            subjects.append(subject)
            found += [finding for rule in detected.RULES for finding in rule.findings(subject)]
        if "hearing" in member:
            sounds = tuple((label, share) for label, share in read_json(member["hearing"].path)["sounds"])
            hearing = HeardFacts(key, path, params["captions"][key], sounds)
            found += [finding for rule in heard.RULES for finding in rule.findings(hearing)]
    found += [finding for rule in detected.OF_ALL for finding in rule.findings(subjects)]
    weigh(job, found, params)
