"""Golden cases of the stages that judge and tell: fixed losses and samples, no model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ltxbuild.job import File
from ltxbuild.stages.judge.pooling import pooled
from tests.lint.material import SCAN
from tests.stages.bench import SPEC, Bench, wave
from tests.stages.light import finding

Case = Callable[[Bench], Path]


def _loss(bench: Bench, ys: dict[str, dict[str, float]]) -> File:
    """Losses by clip and weight, each on two items."""
    items = [
        {
            "key": key,
            "window": 0,
            "quantile": q,
            "sigma": q,
            "noise": 0,
            "loss": {w: v + q for w, v in by.items()},
        }
        for key, by in ys.items()
        for q in (0.3, 0.7)
    ]
    return bench.json({"step": None, "items": items})


def halt(curve: tuple[float, ...], start: int = 500, before: bool = False) -> Case:
    def run(bench: Bench) -> Path:
        losses = {
            f"{100 * (i + 1):04d}": _loss(bench, {"c0": {"1.0": y}, "c1": {"1.0": y}})
            for i, y in enumerate(curve)
        }
        inputs = {"base": _loss(bench, {"c0": {"0.0": 1.0}, "c1": {"0.0": 1.0}}), "curve": losses}
        earlier = {"before": bench.json(STOPPED)} if before else {}
        return bench.run("halt", {**inputs, **earlier}, **{"from": start, "end": 1200})

    return run


def select(mode: str, curve: tuple[float, ...], clips: int = 3, stopped: bool = False) -> Case:
    def run(bench: Bench) -> Path:
        steps = [f"{100 * (i + 1):04d}" for i in range(len(curve))]
        keys = [f"c{i}" for i in range(clips)]
        files = {
            step: {
                name: bench.tensors({"x": wave(6, seed=i)}, {**SPEC, "step": step})
                for name in ("adapter", "optimizer")
            }
            for i, step in enumerate(steps)
        }
        inputs = {
            "base": _loss(bench, {key: {"0.0": 1.0} for key in keys}),
            "curve": {
                s: _loss(bench, {k: {"1.0": y} for k in keys}) for s, y in zip(steps, curve, strict=True)
            },
            "states": files,
        }
        halted = {"halt": bench.json(STOPPED)} if stopped else {}
        return bench.run("select", {**inputs, **halted}, mode=mode, steps=100 * len(curve))

    return run


def evaluate(mode: str, pull: float, clips: int = 8, trained: bool = False) -> Case:
    """Samples that the trigger moves towards the clips by `pull`, and losses that follow."""

    def run(bench: Bench) -> Path:
        centre = 2 * wave(4, 3, 4, 4)
        latents = [bench.tensors({"window_000": centre + wave(4, 3, 4, 4, seed=i)}) for i in range(1, 13)]
        roles = [
            {
                "latents": f.digest,
                "role": "holdout" if i < clips else "train",
                "measure": [0] if i < clips else [],
                "train": [0] if trained or i >= clips else [],
            }
            for i, f in enumerate(latents)
        ]
        keys = [f"c{i}" for i in range(clips)]
        weights = {"0.0": 1.0, "0.3": 0.97, "0.6": 0.94, "0.85": 0.91, "1.0": 0.9, "1.1": 0.91, "1.3": 0.95}
        scenes = {f"prompt{i}": {"0.0": 1.0, "0.85": 1.02} for i in range(8)}
        inputs = {
            "base_loss": _loss(bench, {key: {"0.0": 1.0} for key in keys}),
            "curve": {
                step: _loss(bench, {key: {"1.0": y + i / 100} for i, key in enumerate(keys)})
                for step, y in (("0100", 0.95), ("0200", 0.9))
            },
            "choice": bench.json({"step": 200, "verdict": "LEARNING", "curve": [], "why": "fixed"}),
            "weights": _loss(bench, dict.fromkeys(keys, weights)),
            "plain": _loss(bench, {key: {"0.0": 1.01, "1.0": 0.99} for key in keys}),
            "drift": _loss(bench, scenes),
            "samples": _samples(bench, centre, pull),
            "training": [{"latents": file} for file in latents],
            "dataset": bench.json({"clips": roles}),
        }
        return bench.run("evaluate", inputs, mode=mode, type="character")

    return run


def _samples(bench: Bench, centre: Any, pull: float) -> dict[str, Any]:
    found = {}
    for k in range(8):
        scene = wave(4, 3, 4, 4, seed=20 + k)
        word = {"plain": scene, "trigger": scene + wave(4, 3, 4, 4, seed=40 + k) / 8}
        arms = [("base", text, "0", 0.0) for text in word] + [("lora", "plain", "0.85", pull / 10)]
        arms += [("lora", "trigger", weight, float(weight) * pull) for weight in ("0.6", "0.85", "1.1")]
        for number, (model, text, weight, amount) in enumerate(arms):
            moved = word[text] + amount * (centre - word[text])
            sharp = {"sharpness": 10 + k / 8 + number / 16, "noise": 1 + k / 16, "flicker": 0.5}
            vector = pooled(np.asarray(moved, np.float32))
            found[f"p{k}.{model}.{text}.{weight}"] = {
                "measures": bench.json(sharp),
                "pooled": bench.tensors({"pooled": vector}),
            }
    return found


EVALUATION: dict[str, Any] = {
    "verdict": "WARN", "mode": "fast", "headline": "fixed", "weight": 0.85, "max_weight": 1.1, "step": 200,
    "next": "more clips", "skipped": [{"what": "Overfitting", "why": "fixed"}],
    "curve": {
        "steps": [0, 100, 200], "heldout": [0.0, -0.1, -0.2], "clips": 1, "chosen": 200, "verdict": "LEARNING",
        "per_clip": {"key-b": [[0, 0.0], [200, -0.2]]}, "decides": False, "why": "fixed",
    },
}  # fmt: skip


def recommend(bench: Bench) -> Path:
    inputs = {"evaluation": bench.json(EVALUATION), "export": bench.json({"sha256": "0" * 64, "tensors": 40})}
    words = {"name": "mira", "trigger": "mira_char", "class": "woman", "type": "character", "base": "tiny"}
    return bench.run("recommend", inputs, **words)


def report(bench: Bench) -> Path:
    latents = {name: bench.json(name) for name in ("a", "b")}
    clips = {
        name: {
            "probe": bench.json({"error": None, "kind": "video", "duration": 1.0}),
            "scan": bench.json({**SCAN, "error": None, "frames": 17, "duration": 0.7083}),
            "facts": bench.json({"width": 64, "height": 64, "frames": 17, "fps": 24.0, "changes": ["fixed"]}),
            "bucket": bench.json({"width": 64, "height": 64, "frames": 9, "windows": [0, 8], "unused": []}),
            "latents": file,
        }
        for name, file in latents.items()
    }
    rows = [
        {"key": f"key-{name}", "latents": file.digest, "role": role, "repeats": 1}
        for (name, file), role in zip(latents.items(), ("train", "holdout"), strict=True)
    ]
    near = {"p0.lora.trigger.0.85": {"latents": latents["a"].digest, "distance": 0.25}}
    tests = [{"id": "novel", "title": "Novel prompts", "verdict": "PASS", "details": {"nearest": near}}]
    logs = {
        str(last): bench.json(
            {
                "steps": [[step, 1 - step / 1000, 1e-3, 0.5, 1.0] for step in range(last - 99, last + 1)],
                "per_clip": {"key-a": [50.0, 100]},
                "skipped": 0,
            }
        )
        for last in (100, 200)
    }
    inputs = {
        "clips": clips,
        "dataset": bench.json({"clips": rows}),
        "logs": logs,
        "base_loss": _loss(bench, {"key-b": {"0.0": 1.0}}),
        "choice": bench.json({"step": 200, "verdict": "LEARNING", "curve": [[200, -0.2]], "why": "fixed"}),
        "evaluation": bench.json({**EVALUATION, "tests": tests}),
        "gate": bench.json({"ok": True, "why": "fixed"}),
        "lint": bench.json([finding("CAP603", "a")]),
        "export": bench.json({"tensors": 40, "sha256": "0" * 64}),
    }
    samples = [
        {"id": f"p0.{model}.trigger.{weight}", "prompt": "fixed", "seed": 1, "weight": float(weight)}
        for model, weight in (("base", "0"), ("lora", "0.85"))
    ]
    words = {"project": {"name": "mira"}, "mode": "fast", "captions": {"a": "fixed", "b": "fixed"}}
    settings = [["train.rank", "8", "lora.toml"]]
    return bench.run("report", inputs, samples=samples, settings=settings, provenance={"seed": 1}, **words)


FALLING = (0.97, 0.94, 0.92, 0.91, 0.905, 0.904, 0.9035, 0.9034)
EARLY = (0.95, 0.9, 0.9002, 0.8999, 0.9001, 0.9, 0.9002, 0.9)
RISING = (0.95, 0.9, 0.91, 0.93, 0.95, 0.98, 1.0, 1.03)

FLAT = (0.95, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
STOPPED = {"stop": True, "at": 500, "end": 700, "verdict": "OVERFIT", "why": "it rises"}

JUDGED: dict[str, dict[str, Case]] = {
    "select": {
        "fast": select("fast", FALLING),
        "flat": select("quality", FALLING),
        "early": select("fast", EARLY),
        "overfit": select("quality", RISING),
        "no data": select("fast", (0.9, 0.8), clips=0),
        "stopped": select("quality", RISING, stopped=True),
    },
    "halt": {
        "goes on": halt(FALLING),
        "plateau": halt(FLAT),
        "too early for a plateau": halt(FLAT, start=900),
        "overfit": halt(RISING),
        "diverged": halt((1.02, 1.05, 1.08, 1.1), start=900),
        "stays where it is": halt(FALLING, before=True),
        "no data": halt(()),
    },
    "evaluate": {
        "good": evaluate("quality", 0.5),
        "weak": evaluate("fast", 0.02),
        "no held-out clips": evaluate("fast", 0.5, clips=0),
        "measured clips that train": evaluate("quality", 0.5, trained=True),
    },
    "recommend": {"usual": recommend},
    "report": {"usual": report},
}
