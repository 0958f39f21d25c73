"""Findings that need the base's tokenizer and nothing else of it, as `[lint]` weighs them.

Input: tokenizer. Params: captions {key: caption or null}, trigger, length (tokens that the text encoder reads),
select, ignore, severity, ignored {key: [codes]}. Outputs: `findings.json`, sorted, and `ok.json` {"ok", "why", "ran"}:
false while there is an error; nothing ran where the base has no tokenizer that can be read alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltxbuild.job import Job
from ltxbuild.lint.facts import TokenFacts
from ltxbuild.lint.registry import rules_of
from ltxbuild.stages.lint import weigh


def run(job: Job) -> None:
    """Write findings.json and ok.json. Raises StageError for a damaged tokenizer."""
    from ltxbuild.model.tokens import open_cutter

    params: dict[str, Any] = dict(job.params)
    cutter = open_cutter(Path(str(job.context["base"])))
    if cutter is None:
        job.note("the base has no tokenizer.json: what needs it was not looked at")
        weigh(job, [], params, ran=False)
        return
    trigger = str(params.get("trigger") or "")
    facts = TokenFacts(
        trigger=trigger,
        whole=bool(trigger) and cutter.whole(trigger),
        counts={key: cutter.count(text) for key, text in params["captions"].items() if text},
        length=int(params["length"]),
    )
    found = [finding for rule in rules_of("tokens") for finding in rule.findings(facts)]
    weigh(job, found, params, ran=True)
