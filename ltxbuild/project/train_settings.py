"""The settings of [train], of which each mode may have its own. Declares, and checks nothing."""

from __future__ import annotations

import math

from ltxbuild.project.setting import Setting

MODES = ("fast", "quality")


def _train(name: str, kind: str, text: str, **more: object) -> Setting:
    more.setdefault("affects", ("train",))
    return Setting(f"train.{name}", kind, text, per_mode=True, **more)  # type: ignore[arg-type]


TRAINING: tuple[Setting, ...] = (
    Setting(
        "train.mode",
        "choice",
        "fast: has the concept been caught? quality: the LoRA to keep",
        default="fast",
        choices=MODES,
        affects=("bucket", "lint_clip"),
    ),
    _train(
        "steps",
        "integer",
        "steps of the whole run",
        low=1,
        high=100_000,
        size=True,
        affects=("lint", "train", "select"),
    ),
    _train("rank", "integer", "rank of the LoRA", low=1, high=512, default=8, affects=("lint", "train")),
    _train(
        "alpha",
        "number",
        "strength of the LoRA in training; baked into the export. Default: sqrt(32 rank)",
        low=1e-3,
        high=4096,
        derive=lambda values: round(math.sqrt(32 * values["train.rank"]), 4),
    ),
    _train(
        "learning_rate",
        "number",
        "rate after the warm-up",
        low=1e-7,
        high=0.1,
        default=1e-4,
        size=True,
        affects=("lint", "train"),
    ),
    _train("warmup", "integer", "steps until the rate is reached", low=0, high=10_000, default=50, size=True),
    _train(
        "batch",
        "integer",
        "samples a step",
        low=1,
        high=256,
        default=1,
        size=True,
        affects=("lint", "train"),
    ),
    _train(
        "seed", "integer", "seed of batches, noise and the LoRA's start", low=0, high=2**32 - 1, default=42
    ),
    _train(
        "targets",
        "choice",
        "which layers of the video blocks are trained",
        default="attention+ff",
        choices=("attention", "attention+ff"),
    ),
    _train(
        "first_frame", "number", "share of samples whose first frame is given", low=0, high=1, default=0.2
    ),
    _train(
        "prior",
        "number",
        "share of steps that hold the class word to the base's own prediction",
        low=0,
        high=0.9,
        default=0.0,
    ),
    _train(
        "interval",
        "integer",
        "steps between two checkpoints with held-out loss",
        low=1,
        high=10_000,
        default=100,
        size=True,
    ),
    _train(
        "decay",
        "number",
        "share of the steps over which the rate falls to a tenth",
        low=0,
        high=0.9,
        default=0.2,
        affects=("train", "select"),
    ),
    _train(
        "holdout",
        "choice",
        "whether clips or windows are kept from training to judge it",
        default="auto",
        choices=("auto", False),
        affects=("dataset",),
    ),
    _train("weight_decay", "number", "weight decay of AdamW", low=0, high=1, default=0.01),
    _train("clip_norm", "number", "largest norm of the gradient", low=1e-4, high=1000, default=1.0),
)
