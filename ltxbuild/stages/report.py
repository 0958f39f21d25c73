"""Gather everything displayable into report.json; docs/report.md describes it. Knows no HTML.

Inputs, each of which may be absent or null:
  clips: {name: {"probe", "scan", "facts", "bucket", "latents"}} (latents only for its digest)
  dataset: dataset.json; logs: {last step: log.json}; base_loss: loss.json
  choice: choice.json; evaluation: evaluation.json; gate: gate.json; lint: findings.json; export: export.json
Parameters, each of which may be absent:
  project: {"name", "trigger", "class", "type", "base"}; mode; rehearsal (true on the tiny base)
  captions: {name: caption}; starts: {name: seconds cut off its beginning, or null}
  samples: [{"id", "prompt", "seed", "weight"}]
  settings: [[key, value, origin]]
  provenance: {label: text, number or list}
  skipped: [{"what", "why"}]
Output: report.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltxbuild.job import File, Job, JsonDict, read_json, write_json
from ltxbuild.stages.fit import fit_of
from ltxbuild.stages.heldout import Stop, taken

SCHEMA = 1
POINTS = 120
"""Points of the training curve that are kept: more cannot be seen in a picture 640 pixels wide."""

EVALUATED = ("verdict", "headline", "next", "weight", "max_weight", "step")


def run(job: Job) -> None:
    """Write report.json."""
    params: Mapping[str, Any] = job.params
    inputs = job.inputs
    evaluation = _read(inputs.get("evaluation"))
    logs = [_read(file) for _, file in sorted((inputs.get("logs") or {}).items(), key=lambda kv: int(kv[0]))]
    choice = _read(inputs.get("choice"))
    names = _names(inputs.get("clips") or {}, _read(inputs.get("dataset")))
    write_json(
        job.out / "report.json",
        {
            "schema": SCHEMA,
            "project": params.get("project") or {},
            "mode": params.get("mode"),
            "rehearsal": bool(params.get("rehearsal")),
            "verdict": {key: evaluation.get(key) for key in EVALUATED} if evaluation else None,
            "tests": evaluation["tests"] if evaluation else [],
            "gate": _read(inputs.get("gate")),
            "curve": _curve(evaluation, choice),
            "training": training_curve(logs, Stop.of((choice or {}).get("stopped"))),
            "lint": _lint(_read(inputs.get("lint"))),
            "clips": [
                _clip(name, files, params, names, logs, evaluation)
                for name, files in sorted((inputs.get("clips") or {}).items())
            ],
            "samples": _samples(params.get("samples"), evaluation, inputs.get("clips") or {}),
            "previews": _previews(params.get("previews"), Stop.of((choice or {}).get("stopped"))),
            "settings": params.get("settings") or [],
            "provenance": params.get("provenance") or {},
            "export": _read(inputs.get("export")),
            "skipped": [*_listed(params.get("skipped")), *(evaluation["skipped"] if evaluation else [])],
        },
    )


def training_curve(logs: list[Any], stop: Stop | None) -> list[Any]:
    """[[step, mean loss of the steps up to it]]: at most POINTS windows of equal length."""
    steps = [[taken(row[0], stop), *row[1:]] for log in logs for row in log["steps"]]
    size = max(1, -(-len(steps) // POINTS))
    windows = [steps[i : i + size] for i in range(0, len(steps), size)]
    return [[w[-1][0], sum(row[1] for row in w) / len(w)] for w in windows]


def _listed(value: Any) -> list[Any]:
    return list(value or [])


def _read(file: File | None) -> Any:
    return None if file is None else read_json(file.path)


def _names(clips: Mapping[str, Mapping[str, File]], dataset: Any) -> dict[str, dict[str, Any]]:
    """By clip name: its row in dataset.json, found by the digest of its latents."""
    rows = {row["latents"]: row for row in dataset["clips"]} if dataset else {}
    digests = {name: files["latents"].digest for name, files in clips.items() if files.get("latents")}
    return {name: rows[digest] for name, digest in digests.items() if digest in rows}


def _curve(evaluation: Any, choice: Any) -> Any:
    if evaluation:
        return evaluation["curve"]
    if not choice:
        return None
    return {
        "steps": [step for step, _ in choice["curve"]],
        "heldout": [y for _, y in choice["curve"]],
        "chosen": choice["step"],
        "verdict": choice["verdict"],
        "why": choice.get("why"),
        **({"stopped": choice["stopped"]} if "stopped" in choice else {}),
    }


def _lint(findings: Any) -> dict[str, Any] | None:
    if findings is None:
        return None
    counts = {severity: sum(f["severity"] == severity for f in findings) for severity in "EWI"}
    return {"counts": counts, "findings": findings}


def _clip(
    name: str,
    files: Mapping[str, File],
    params: Mapping[str, Any],
    names: Mapping[str, Any],
    logs: list[Any],
    evaluation: Any,
) -> dict[str, Any]:
    probe, scan, facts, bucket = (_read(files.get(key)) for key in ("probe", "scan", "facts", "bucket"))
    row = names.get(name) or {}
    sums = [log["per_clip"][row["key"]] for log in logs if row.get("key") in log.get("per_clip", {})]
    seen = sum(count for _, count in sums)
    heldout = evaluation["curve"]["per_clip"].get(row.get("key")) if evaluation else None
    return {
        "name": name,
        "caption": (params.get("captions") or {}).get(name),
        "error": probe["error"] if probe else None,
        "facts": facts,
        "bucket": bucket,
        "fit": _fit(facts, probe, scan, (params.get("starts") or {}).get(name)),
        "role": row.get("role"),
        "repeats": row.get("repeats"),
        "train_loss": sum(total for total, _ in sums) / seen if seen else None,
        "seen": seen,
        "heldout": heldout[-1][1] if heldout else None,
    }


def _fit(facts: Any, probe: Any, scan: Any, start: float | None) -> JsonDict | None:
    if not (facts and probe and scan):
        return None
    return fit_of((facts["width"], facts["height"]), facts["fps"], probe, scan, start)


def _previews(planned: Any, stop: Stop | None) -> list[Any]:
    """Each prompt's previews by the steps that were trained; those of a training that stood still are left out."""
    found = []
    for row in planned or ():
        shots = [(taken(step, stop), name) for step, name in row["shots"]]
        found.append({**row, "shots": [[step, name] for step, name in shots if step is not None]})
    return found


def _samples(planned: Any, evaluation: Any, clips: Mapping[str, Mapping[str, File]]) -> list[Any]:
    by_digest = {files["latents"].digest: name for name, files in clips.items() if files.get("latents")}
    tests = {test["id"]: test for test in evaluation["tests"]} if evaluation else {}
    nearest = tests.get("novel", {}).get("details", {}).get("nearest", {})
    found = []
    for sample in planned or ():
        _, model, text, _ = sample["id"].split(".", 3)
        close = nearest.get(sample["id"])
        clip = by_digest.get(close["latents"]) if close else None
        near = {"clip": clip, "distance": close["distance"]} if close and clip else None
        found.append({**sample, "model": model, "text": text, "nearest": near})
    return found
