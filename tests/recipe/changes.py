"""For every setting, changes to other valid values; together they begin at exactly the stages that it declares."""

from __future__ import annotations

import json
from typing import NamedTuple

from ltxbuild.project.card import named_card


class Change(NamedTuple):
    """One `-s key=value`, the mode in which it is made, and others that hold before and after."""

    override: str
    mode: str | None = None
    beside: tuple[str, ...] = ()


def _of(key: str, *values: str, mode: str | None = None) -> tuple[Change, ...]:
    return tuple(Change(f"{key}={value}", mode) for value in values)


FEWER = json.dumps(named_card("ltx-2.3").types["character"]["evaluate.prompts"][:-1])


def _with_and_without_a_detector(override: str) -> tuple[Change, ...]:
    return Change(override), Change(override, beside=(DETECTOR,))


DETECTOR = "lint.detector=owner/one"
CHANGES: dict[str, tuple[Change, ...]] = {
    "name": _of("name", "other") + _of("name", "other", mode="quality"),
    "trigger": _of("trigger", "otto_char"),
    "class": _of("class", "girl"),
    # A type brings its own defaults: style and world a rate, motion its ladder of shapes, object nothing at all.
    "type": _of("type", "object", "style", "motion", "world", "control"),
    "caption_style": _of("caption_style", "long"),
    # Another base of the same card has other weights; another card also other sizes and ranges.
    "base": _of("base", "someone/finetune", "tiny"),
    # Dropping a shape that is not the smallest is the settings' matter; another smallest one concerns each clip.
    "bucket.shapes": _of("bucket.shapes", "[[768, 512], [640, 640]]", "[[512, 320]]"),
    "bucket.frames": _of("bucket.frames", "[1, 33, 41]", "[25, 33]")
    + _of("bucket.frames", "[33, 41]", mode="quality"),
    "bucket.budget": _of("bucket.budget", "3000"),
    # A character's subject is looked for anyway, a style's only where a crop asks for it.
    "bucket.crop": (
        Change("bucket.crop=subject", beside=(DETECTOR,)),
        Change("bucket.crop=subject", beside=(DETECTOR, "type=style")),
    ),
    "lint.listener": (Change("lint.listener=owner/two", beside=("train.audio=generated",)),),
    "lint.detector": _of("lint.detector", "owner/one"),
    "lint.select": _with_and_without_a_detector('lint.select=["CLP"]'),
    "lint.ignore": _with_and_without_a_detector('lint.ignore=["CLP"]'),
    "lint.severity": _with_and_without_a_detector('lint.severity={ CLP004 = "E" }'),
    "train.mode": _of("train.mode", "quality"),
    # More steps go on from a checkpoint, fewer choose among those that are there.
    "train.steps": _of("train.steps", "800", "400") + _of("train.steps", "1700", mode="quality"),
    "train.rank": _of("train.rank", "16") + _of("train.quality.rank", "16", mode="quality"),
    "train.alpha": _of("train.alpha", "3"),
    "train.learning_rate": _of("train.learning_rate", "3e-4"),
    "train.warmup": _of("train.warmup", "5"),
    "train.batch": _of("train.batch", "2"),
    "train.seed": _of("train.seed", "7"),
    "train.targets": _of("train.targets", "attention"),
    "train.first_frame": _of("train.first_frame", "0.3"),
    "train.last_frame": _of("train.last_frame", "0.3"),
    "train.prefix": _of("train.prefix", "0.5"),
    "train.suffix": _of("train.suffix", "0.5"),
    # Nothing reads its length unless a prefix or suffix is given.
    "train.context": (Change("train.context=2", beside=("train.prefix=0.5",)),),
    "train.caption_dropout": _of("train.caption_dropout", "0.1"),
    "train.accumulate": _of("train.accumulate", "2"),
    "train.rank_stabilized": _of("train.rank_stabilized", "true"),
    "train.prior": _of("train.prior", "0"),
    "train.interval": _of("train.interval", "40", "200"),
    "train.decay": (*_of("train.decay", "0.1", "0.4"), *_of("train.decay", "0.4", mode="quality")),
    "train.reference_scale": (
        Change("train.reference_scale=2", beside=("type=control",)),
        Change("train.reference_scale=4", "quality", beside=("type=control",)),
    ),
    "train.audio": (
        *_of("train.audio", "given", "generated"),
        *_of("train.audio", "generated", mode="quality"),
    ),
    "train.init_from": _of("train.init_from", "older.safetensors"),
    "train.stop": (Change('train.stop="plateau"'), Change('train.stop="never"', "quality")),
    "train.holdout": _of("train.holdout", "false"),
    "train.weight_decay": _of("train.weight_decay", "0"),
    "train.clip_norm": _of("train.clip_norm", "2"),
    "memory.checkpointing": _of("memory.checkpointing", "true", "false"),
    "memory.precision": _of("memory.precision", "fp32"),
    "memory.quantize": _of("memory.quantize", "int8", "fp8", "nf4"),
    "memory.quantize_text": _of("memory.quantize_text", "int8", "nf4"),
    "memory.swap": _of("memory.swap", "none", "all"),
    "memory.gpus": _of("memory.gpus", "2"),
    "memory.device": _of("memory.device", "cpu", "cuda"),
    # Another prompt is encoded; with fewer of them the drift is measured on fewer samples.
    "evaluate.prompts": _of("evaluate.prompts", '["{subject} eats"]', FEWER),
    "evaluate.seeds": _of("evaluate.seeds", "[2]", "[1, 2]"),
    "evaluate.previews": _of("evaluate.previews", "3", mode="quality"),
    "evaluate.weights": _of("evaluate.weights", "[0.5, 0.6, 1.1]", "[0.6]"),
    "watch.settle": _of("watch.settle", "5"),
    "cost.gpu_hour": _of("cost.gpu_hour", "2.5"),
    "cost.limit": _of("cost.limit", "10"),
    "cache.shared": _of("cache.shared", "/elsewhere"),
    "cache.keep": _of("cache.keep", "50 GB"),
    "export.name": _of("export.name", "x"),
    "export.precision": _of("export.precision", "fp16"),
}
