"""The settings of [train], of which each mode may have its own. Declares, and checks nothing."""

from __future__ import annotations

import math

from ltxbuild.project.setting import Setting

MODES = ("fast", "quality")
AUDIO = ("none", "given", "generated")
"""What becomes of sound; each needs more memory than the one before."""


def _train(name: str, kind: str, text: str, **more: object) -> Setting:
    more.setdefault("affects", ("train",))
    return Setting(f"train.{name}", kind, text, per_mode=True, **more)  # type: ignore[arg-type]


def _alpha(rank: int, stabilized: bool) -> float:
    """Such that a rate found at rank 32 with alpha 32 holds at any rank: the scale of B A is sqrt(32 / rank) either way."""
    return round(math.sqrt(32) if stabilized else math.sqrt(32 * rank), 4)


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
        affects=("lint", "train", "select", "halt"),
    ),
    _train("rank", "integer", "rank of the LoRA", low=1, high=512, default=8, affects=("lint", "train")),
    _train(
        "alpha",
        "number",
        "strength of the LoRA in training; baked into the export. Default: sqrt(32 rank), rank-stabilised sqrt(32)",
        low=1e-3,
        high=4096,
        derive=lambda values: _alpha(values["train.rank"], values["train.rank_stabilized"]),
    ),
    _train(
        "rank_stabilized",
        "choice",
        "whether the LoRA is scaled by alpha / sqrt(rank) in place of alpha / rank",
        default=False,
        choices=(True, False),
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
    _train("accumulate", "integer", "batches whose gradients make a step", low=1, high=256, default=1),
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
    _train("last_frame", "number", "share of samples whose last frame is given", low=0, high=1, default=0.0),
    _train(
        "prefix",
        "number",
        "share of samples whose first `context` frames are given",
        low=0,
        high=1,
        default=0.0,
    ),
    _train(
        "suffix",
        "number",
        "share of samples whose last `context` frames are given",
        low=0,
        high=1,
        default=0.0,
    ),
    _train(
        "context",
        "integer",
        "frames of the latents that prefix and suffix give; one holds 8 frames of film",
        low=1,
        high=64,
        default=3,
    ),
    _train(
        "caption_dropout", "number", "share of samples without their caption", low=0, high=0.9, default=0.0
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
        affects=("train", "select", "halt"),
    ),
    _train(
        "reference_scale",
        "choice",
        "control: by how much smaller than its clip a reference is shown; a smaller one costs fewer tokens",
        default=1,
        choices=(1, 2, 4),
        affects=("bucket", "latents", "lint_clip"),
    ),
    _train(
        "audio",
        "choice",
        "the clips' sound: generated (learnt with the picture), given (the picture follows it), or none",
        default="none",
        choices=AUDIO,
        affects=("sound", "sample", "lint_clip"),
    ),
    _train(
        "init_from",
        "text",
        "a LoRA file that training starts from, of the recipe's rank; empty: from nothing",
        default="",
        size=True,
        affects=("lint", "train"),
    ),
    _train(
        "stop",
        "choice",
        "plateau: training ends early when the held-out loss has stopped falling, from 60 % of the steps on",
        default="never",
        choices=("plateau", "never"),
        affects=("halt", "report"),
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
