"""All findings of a project: those of each clip, those of the set and the settings, as `[lint]` weighs them.

Inputs: clips, a group of {"findings", "scan"} by key. Params: captions {key: caption or null}, orphans [key],
paths {key: file} (optional), trigger, class, type, mode, train {"rank", "learning_rate", "steps", "shapes",
"frames", "grid", "temporal"} (each optional), ranges, select, ignore, severity, ignored
{key: [codes]}. Outputs: `findings.json`,
sorted, and `ok.json` {"ok", "why"}: false while there is an error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ltxbuild.job import Job, Json, JsonDict, read_json, write_json
from ltxbuild.lint.facts import IgnoredFacts, Ranges, SetFacts, SettingsFacts
from ltxbuild.lint.registry import RULES, rules_of
from ltxbuild.lint.selection import matches, select

# What another stage may find: that an ignore of it hides nothing cannot be told here.
ELSEWHERE: list[JsonDict] = [
    {"code": rule.code, "name": rule.name} for scope in ("tokens", "asked") for rule in rules_of(scope)
]
NAMED = 5  # places named in the guard's reason; the findings have them all


def run(job: Job) -> None:
    """Write findings.json and ok.json."""
    params: dict[str, Any] = dict(job.params)
    found = [*_of_clips(job), *_of_set(job, params)]
    weigh(job, found + _unused(found, params.get("ignored") or {}), params)


def weigh(job: Job, found: Iterable[JsonDict], params: Mapping[str, Any], **more: Json) -> None:
    """Write the findings that count as findings.json, and whether they let training start as ok.json."""
    ignored: dict[str, list[str]] = params.get("ignored") or {}
    found = [_in_mode(finding, params.get("mode") or "") for finding in found]
    found = [finding for finding in found if not matches(finding, ignored.get(_clip_of(finding), ()))]
    kept = select(found, params.get("select") or (), params.get("ignore") or (), params.get("severity") or {})
    findings: list[Json] = [*kept]
    write_json(job.out / "findings.json", findings)
    errors = [finding for finding in kept if finding["severity"] == "E"]
    write_json(job.out / "ok.json", {"ok": not errors, "why": reason(errors), **more})


def _unused(found: list[JsonDict], ignored: Mapping[str, list[str]]) -> list[JsonDict]:
    """What rules say of ignores for which there is nothing to ignore."""
    by_clip: dict[str, list[JsonDict]] = defaultdict(list)
    for finding in found:
        by_clip[_clip_of(finding)].append(finding)
    unused = {
        key: tuple(
            name
            for name in names
            if not any(matches(finding, (name,)) for finding in (*by_clip[key], *ELSEWHERE))
        )
        for key, names in sorted(ignored.items())
    }
    facts = IgnoredFacts({key: names for key, names in unused.items() if names})
    return [finding for rule in rules_of("ignores") for finding in rule.findings(facts)]


def _clip_of(finding: JsonDict) -> str:
    where: Any = finding["where"]
    return str(where["key"])


def _of_clips(job: Job) -> list[JsonDict]:
    found: list[JsonDict] = []
    for _, member in sorted(job.inputs["clips"].items()):
        found += read_json(member["findings"].path)
    return found


def _of_set(job: Job, params: dict[str, Any]) -> list[JsonDict]:
    scans = {key: read_json(member["scan"].path) for key, member in sorted(job.inputs["clips"].items())}
    ranges = Ranges(params.get("ranges") or {})
    shared = {
        "trigger": params.get("trigger") or "",
        "class_word": params.get("class") or "",
        "type": params.get("type") or "",
    }
    dataset = SetFacts(
        captions=params.get("captions") or {},
        scans=scans,
        orphans=tuple(params.get("orphans") or ()),
        mode=params.get("mode") or "",
        ranges=ranges,
        paths=params.get("paths") or {},
        bare=tuple(params.get("bare") or ()),
        strays=tuple(params.get("strays") or ()),
        audio=params.get("audio"),
        repeats=params.get("repeats") or {},
        **shared,
    )
    settings = SettingsFacts(
        mode=params.get("mode") or "",
        clips=len(scans),
        train=params.get("train") or {},
        ranges=ranges,
        **shared,
    )
    found = [finding for rule in rules_of("set") for finding in rule.findings(dataset)]
    return found + [finding for rule in rules_of("settings") for finding in rule.findings(settings)]


def _in_mode(finding: JsonDict, mode: str) -> JsonDict:
    severity = RULES[str(finding["code"])].modes.get(mode)
    return finding if severity is None else {**finding, "severity": severity}


def reason(errors: list[JsonDict]) -> str:
    """The errors in a line: "3 errors: PIX101 in bbb_05 and bbb_07, TRG701 in bbb_02"; empty for none."""
    if not errors:
        return ""
    places: dict[str, list[str]] = defaultdict(list)
    for finding in errors:
        where: Any = finding["where"]
        place = str(where["key"] or where["file"])
        if place not in places[str(finding["code"])]:
            places[str(finding["code"])].append(place)
    parts = []
    for code, names in sorted(places.items()):
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        parts.append(f"{code} in {', '.join(names[:NAMED])}{more}")
    number = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    return f"{number}: {'; '.join(parts)}"
