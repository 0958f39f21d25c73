"""report.html from report.json, the media and the timings. Measures nothing and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ltxbuild.page.chart import Line, Mark, chart
from ltxbuild.page.document import data_url, render_page

# Above this a browser takes long to open one file: media go into a folder beside it.
INLINE_LIMIT = 25_000_000
FOLDER = "report-media"
VERDICT_WORDS = {"PASS": "passed", "WARN": "with reservations", "FAIL": "failed", "INCONCLUSIVE": "undecided"}


@dataclass(frozen=True)
class Page:
    """The file, and what stands beside it if the media are too large to be inline."""

    html: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)


def render(
    report: Mapping[str, Any],
    media: Mapping[str, bytes],
    timings: Sequence[tuple[str, int, float]],
    builds: Sequence[Mapping[str, Any]],
) -> Page:
    """`media` maps `clip:NAME` and `sample:ID` to mp4, `strip:NAME` to jpg; `timings` are (stage, actions, seconds)."""
    shown = {name: data for name, data in media.items() if not name.startswith("strip:")}
    beside = sum(map(len, shown.values())) > INLINE_LIMIT
    names = {name: f"{FOLDER}/{name.replace(':', '-')}.mp4" for name in shown}
    urls = names if beside else {name: data_url(data) for name, data in shown.items()}
    values = {
        "r": report,
        "media": urls,
        "beside": FOLDER if beside else "",
        "words": VERDICT_WORDS,
        "loss_chart": _loss_chart(report),
        "train_chart": _train_chart(report),
        "weight_chart": _weight_chart(report),
        "prompts": _prompts(report["samples"]),
        "own": [s for s in report["samples"] if s["id"].startswith("d")],
        "timings": sorted(timings, key=lambda row: -row[2]),
        "builds": list(builds)[-10:],
    }
    extra = {names[name]: data for name, data in shown.items()} if beside else {}
    return Page(render_page("report.html", values), extra)


def _loss_chart(report: Mapping[str, Any]) -> Any:
    curve = report["curve"]
    if not curve or not curve.get("steps"):
        return ""
    points = list(zip(curve["steps"], curve["heldout"], strict=True))
    marks = [Mark(curve["chosen"], f"chosen: {curve['chosen']}")] if curve.get("chosen") else []
    start = [] if points[0][0] == 0 else [(0, 0.0)]
    return chart(
        [Line("held-out clips", [*start, *points], "heldout", True)],
        "step",
        "log loss against the base",
        marks,
    )


def _train_chart(report: Mapping[str, Any]) -> Any:
    points = [(row[0], row[1]) for row in report["training"]]
    return chart([Line("training loss", points, "train")], "step", "training loss")


def _weight_chart(report: Mapping[str, Any]) -> Any:
    details: Mapping[str, Any] = next((t["details"] for t in report["tests"] if t["id"] == "weight"), {})
    losses = details.get("losses") or {}
    points = sorted((float(weight), float(loss)) for weight, loss in losses.items())
    return chart(
        [Line("held-out clips", points, "heldout", True)], "weight of the LoRA", "log loss against the base"
    )


def _prompts(samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry a prompt: its 2x2 of base and LoRA with and without the trigger, and the trigger's weights."""
    found: dict[str, dict[str, Any]] = {}
    for sample in samples:
        name = sample["id"].partition(".")[0]
        if not name.startswith("p"):
            continue
        entry = found.setdefault(name, {"id": name, "grid": {}, "weights": [], "prompt": ""})
        if sample["text"] == "trigger":
            entry["prompt"] = sample["prompt"]
            entry["weights"].append(sample)
        grid = entry["grid"].setdefault(f"{sample['model']} {sample['text']}", sample)
        if abs(sample["weight"] - 0.85) < abs(grid["weight"] - 0.85):
            entry["grid"][f"{sample['model']} {sample['text']}"] = sample
    for entry in found.values():
        entry["weights"].sort(key=lambda s: s["weight"])
    return list(found.values())
