"""What each type of LoRA starts from: the values of the training guide's table. Knows no base and no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPES = ("character", "object", "style", "motion", "world", "control")

# Rank, steps (of quality) and rate are the guide's. `prior`, `first_frame` and the targets of motion are
# starting points of this project, not yet measured on a large model.
TYPE_VALUES: Mapping[str, Mapping[str, Any]] = {
    "character": {"train.rank": 8, "train.steps": 1800, "train.learning_rate": 1e-4, "train.prior": 0.15},
    "object": {"train.rank": 8, "train.steps": 1800, "train.learning_rate": 1e-4, "train.prior": 0.15},
    "style": {"train.rank": 8, "train.steps": 1800, "train.learning_rate": 2e-4},
    "motion": {
        "train.rank": 4,
        "train.steps": 1500,
        "train.learning_rate": 2e-4,
        "train.first_frame": 0.5,
        "train.targets": "attention",
    },
    "world": {"train.rank": 16, "train.steps": 2200, "train.learning_rate": 1.5e-4},
    "control": {"train.rank": 16, "train.steps": 3000, "train.learning_rate": 2e-4},
}
