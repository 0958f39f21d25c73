"""From clips to a LoRA on the base inside the package: every model stage, one after the other, twice."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

import ltxbuild
from ltxbuild.job import File, read_json
from ltxbuild.stages import dataset, decode, export, latents, loss, sample, select, text, train
from ltxbuild.stages.media.encode import write_mp4
from tests.fake_job import FakeJob, as_file, json_file

CONTEXT: dict[str, Any] = {"base": str(Path(ltxbuild.__file__).parent / "bases" / "tiny"), "device": "cpu"}
TRAIN: dict[str, Any] = {
    "rank": 8,
    "alpha": 16.0,
    "learning_rate": 2e-3,
    "batch": 4,
    "seed": 0,
    "warmup": 2,
    "targets": "attention+ff",
    "first_frame": 0.2,
    "prior": 0.15,
    "weight_decay": 0.01,
    "clip_norm": 1.0,
    "sigmas": None,
    "precision": "fp32",
}
LEVELS: dict[str, Any] = {"text": "text", "quantiles": [0.3, 0.7], "noises": 1, "precision": "fp32"}


class Shop:
    """Runs stages below one folder and hands out their outputs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, stage: Any, name: str, params: dict[str, Any], inputs: dict[str, Any]) -> dict[str, File]:
        job = FakeJob(self.root / name, {"precision": "fp32", **params}, inputs, CONTEXT)
        stage.run(job)
        return {path.name: as_file(path) for path in sorted(job.out.iterdir())}


def clip(path: Path, index: int) -> File:
    frames = np.zeros((9, 64, 64, 3), dtype=np.uint8)
    for t, frame in enumerate(frames):
        frame[:] = (30, 40, 20 * index)
        frame[20:40, 5 + 4 * t : 25 + 4 * t] = (200, 30 * index, 90)
    pictures = (av.VideoFrame.from_ndarray(f, format="rgb24").reformat(format="yuv420p") for f in frames)
    write_mp4(path, pictures, Fraction(24), {"crf": "0"})
    return as_file(path)


def members(shop: Shop) -> list[dict[str, Any]]:
    crop = {"scale_w": 64, "scale_h": 64, "x": 0, "y": 0}
    found = []
    for i in range(5):
        bucket = json_file(
            shop.root / f"bucket{i}",
            {"width": 64, "height": 64, "frames": 9, "windows": [0], "crop": crop},  # type: ignore[dict-item]
        )
        pixels = clip(shop.root / f"{i}.mp4", i)
        z = shop.run(latents, f"latents{i}", {}, {"video": pixels, "bucket": bucket, "vae": None})
        words = [
            shop.run(text, f"{name}{i}", {"caption": f"{name} moves right", "length": 64}, {"encoder": None})
            for name in ("mira_char", "a square")
        ]
        found.append(
            {
                "latents": z["latents.safetensors"],
                "text": words[0]["features.safetensors"],
                "plain": words[1]["features.safetensors"],
                "bucket": bucket,
                "scan": json_file(shop.root / f"scan{i}", {"hash": [], "index": i}),
                "repeats": 1,
                "holdout": None,
            }
        )
    return found


def segment(shop: Shop, split: File, bag: list[Any], first: int, last: int, previous: Any) -> dict[str, File]:
    inputs = {"dataset": split, "clips": bag, "previous": previous, "transformer": None}
    return shop.run(train, f"train{last}", {**TRAIN, "first": first, "last": last}, inputs)


def everything(root: Path) -> dict[str, File]:
    root.mkdir(parents=True, exist_ok=True)
    shop = Shop(root)
    clips = members(shop)
    split = shop.run(dataset, "dataset", {"holdout": "auto", "mode": "fast"}, {"clips": clips})[
        "dataset.json"
    ]
    bag = [{part: c[part] for part in ("latents", "text", "plain")} for c in clips]
    items = {"items": bag, "dataset": split, "transformer": None}
    base = shop.run(loss, "loss0", {**LEVELS, "weights": [0.0]}, {**items, "adapter": None})["loss.json"]
    states: dict[str, dict[str, File]] = {}
    curve: dict[str, File] = {}
    previous: Any = None
    for first, last in ((0, 4), (4, 8)):
        done = segment(shop, split, bag, first, last, previous)
        previous = {n: done[f"{n}.safetensors"] for n in ("adapter", "optimizer")}
        states[f"{last:04d}"] = previous
        measured = {**items, "adapter": previous["adapter"]}
        curve[f"{last:04d}"] = shop.run(loss, f"loss{last}", {**LEVELS, "weights": [1.0]}, measured)[
            "loss.json"
        ]
    chosen = shop.run(
        select, "select", {"mode": "fast", "steps": 8}, {"base": base, "curve": curve, "states": states}
    )
    adapter = chosen["adapter.safetensors"]
    size = {"width": 64, "height": 64, "frames": 9, "fps": 24.0, "seed": 1, "weight": 0.85}
    made = shop.run(
        sample,
        "sample",
        {**size, "sampler": {"steps": 2, "guidance": 1}},
        {"text": clips[0]["text"], "negative": None, "adapter": adapter, "transformer": None},
    )
    shown = shop.run(decode, "decode", {"fps": 24.0}, {"latents": made["latents.safetensors"], "vae": None})
    lora = shop.run(export, "export", {"name": "mira"}, {"adapter": adapter, "transformer": None})
    return {**lora, **shown, "choice.json": chosen["choice.json"]}


def test_two_builds_from_nothing_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = everything(tmp_path / "1"), everything(tmp_path / "2")
    assert {n: f.digest for n, f in one.items()} == {n: f.digest for n, f in other.items()}
    assert read_json(one["export.json"].path)["tensors"] == 5 * 10 * 2
    assert len(read_json(one["choice.json"].path)["curve"]) == 2
