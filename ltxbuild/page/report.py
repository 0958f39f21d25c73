"""Render report.json as one HTML page. Knows the schema of the report, not how it came about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ltxbuild.page import buckets
from ltxbuild.page.charts import Line, Mark, interval_bar, line_chart
from ltxbuild.page.media import LIMIT, Media, label_id
from ltxbuild.page.shell import fill


@dataclass(frozen=True)
class Page:
    """The page, and the files that belong beside it (path below the page's folder -> bytes)."""

    html: bytes
    files: dict[str, bytes]


def render(
    report: Mapping[str, Any],
    media: Mapping[str, bytes],
    timings: Sequence[Mapping[str, Any]] = (),
    history: Sequence[Mapping[str, Any]] = (),
    *,
    limit: int = LIMIT,
) -> Page:
    """`media`: "clip:<name>" and "sample:<id>" are mp4, "strip:<name>" jpg.

    `timings`: {"stage", "seconds", "actions", "outdated"}; `history`, newest first: {"build", "time", "verdict",
    "headline", "changes": [str]}, of which all but "build" may be absent.
    """
    store = Media(media, limit)
    values = {
        "r": report,
        "media": store,
        "charts": charts(report),
        "bars": {test["id"]: _bar(test) for test in report.get("tests", ())},
        "prompts": prompts(report.get("samples", ())),
        "suspects": suspects(report.get("samples", ())),
        "findings": by_clip(report.get("lint")),
        "timings": timings,
        "history": history,
        "anchor": label_id,
        "buckets": buckets,
        "bucket_rows": buckets.table(report.get("clips", ())),
    }
    return Page(fill("report.html", values, beside=store.beside), store.files)


def charts(report: Mapping[str, Any]) -> dict[str, Markup]:
    """The three charts by name; empty where there is nothing to draw."""
    curve = report.get("curve") or {}
    steps, ys = curve.get("steps") or [], curve.get("heldout") or []
    lines = [
        Line("training loss", "train", relative(report.get("training") or [])),
        Line(
            "held-out loss",
            "heldout",
            [(s, math.expm1(y)) for s, y in zip(steps, ys, strict=True)],
            dots=True,
        ),
    ]
    chosen = curve.get("chosen")
    marks = [Mark(float(chosen), f"chosen: step {chosen}")] if chosen is not None else []
    best = _best(report)
    return {
        "loss": line_chart(
            "Change of training and held-out loss over the steps", lines, "training step", marks
        ),
        "weight": _weight_chart(best),
    }


def relative(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Raw training losses, smoothed over a tenth of the run, as change against their own start."""
    if len(points) < 2:
        return []
    width = max(1, len(points) // 10)
    losses = [y for _, y in points]
    means = [
        sum(losses[max(0, i - width) : i + width + 1]) / len(losses[max(0, i - width) : i + width + 1])
        for i in range(len(losses))
    ]
    return [(x, mean / means[0] - 1) for (x, _), mean in zip(points, means, strict=True)]


def prompts(samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The novel prompts in order, each with its 2x2 grid and its samples by weight."""
    found: dict[str, dict[str, Any]] = {}
    for sample in samples:
        head, model, text, weight = sample["id"].split(".", 3)
        if not head.startswith("p"):
            continue
        row = found.setdefault(
            head, {"id": head, "prompt": "", "plain": "", "seed": "", "grid": {}, "weights": []}
        )
        if text == "plain":
            row["plain"] = sample["prompt"]
        else:
            row.update(prompt=sample["prompt"], seed=sample["seed"])
            row["weights"].append((float(weight), sample["id"]))
        if float(weight) in (0.0, 0.85):
            row["grid"][f"{model}.{text}"] = sample["id"]
    for row in found.values():
        row["weights"].sort()
    return sorted(found.values(), key=lambda row: int(row["id"][1:]))


def suspects(samples: Sequence[Mapping[str, Any]], most: int = 4) -> list[Mapping[str, Any]]:
    """The samples at the main weight that lie closest to a training clip, novel prompts only."""
    near = [
        s
        for s in samples
        if s.get("nearest") and s["id"].startswith("p") and s["id"].endswith("trigger.0.85")
    ]
    return sorted(near, key=lambda s: (s["nearest"]["distance"], s["id"]))[:most]


def by_clip(lint: Mapping[str, Any] | None) -> dict[str, int]:
    """How many findings name each clip (by key or by file)."""
    counts: dict[str, int] = {}
    for finding in (lint or {}).get("findings", ()):
        clip = clip_of(finding)
        if clip:
            counts[clip] = counts.get(clip, 0) + 1
    return counts


def clip_of(finding: Mapping[str, Any]) -> str | None:
    """The clip that a finding is about, or None for one about settings or the whole set."""
    where = finding.get("where") or {}
    if where.get("key") and where.get("file") != "lora.toml":
        return str(where["key"])
    file = str(where.get("file") or "")
    return file.removeprefix("clips/").rsplit(".", 1)[0] if file.startswith("clips/") else None


def _best(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    tests = {test["id"]: test for test in report.get("tests", ())}
    best = tests.get("weight", {}).get("details", {}).get("best")
    return best if isinstance(best, dict) else None


def _weight_chart(best: Mapping[str, Any] | None) -> Markup:
    if best is None:
        return Markup("")
    lines = [
        Line("cubic fit", "train", [(w, math.expm1(y)) for w, y in best["fit"]]),
        Line("held-out loss", "heldout", [(w, math.expm1(y)) for w, y in best["points"]], dots=True),
    ]
    mark = Mark(best["weight"], f"lowest at {best['weight']:g}")
    return line_chart("Change of held-out loss over the weight", lines, "weight of the LoRA", [mark])


def _bar(test: Mapping[str, Any]) -> Markup:
    if test["effect"] is None or test["interval"] is None:
        return Markup("")
    low, high = test["interval"]
    return interval_bar(test["effect"], low, high, test["minimum"], test.get("limit"))
