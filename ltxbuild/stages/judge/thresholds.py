"""Every number a verdict depends on, with its origin. Knows nothing of how they are measured.

"Measured" means on small synthetic runs: the direction is trusted, the value is a start to be calibrated.
"""

from __future__ import annotations

ALPHA = 0.05
"""Level of every headline after Holm's correction."""
HEADLINES = 4
"""Tests that Holm's correction counts, also when one of them could not be measured."""
LEAST_PROMPTS = 5
"""Below five prompts the exact sign-flip test cannot reach .05 (2^-4 = .0625)."""
ENOUGH_PROMPTS = 7
"""The fewest prompts with which a test can pass all four corrected: 4 * 2^-7 = .031."""
LEAST_HELDOUT = 7
"""Losses on fewer held-out clips are shown and never decide."""

TRIGGER_GAP = 0.10
"""Least log ratio of the distance trigger/class word, LoRA against base (a proposal)."""
TRIGGER_DIRECTION = 0.05
"""Least share of the way to the training mean that the trigger leads beyond the class word (a proposal)."""
FOLLOWED = 0.20
"""Least share of the way between two clips that a sample goes with their references (a proposal)."""
ALWAYS_ON = 0.8
"""The class word moves a sample this share of what the trigger does: it decides nothing (a proposal)."""

COPY_P = 0.01
"""Mann-Whitney level of copying: a 5-clip overfit gave .005, sound runs .47 and more (measured)."""
COPY_SHARE = 0.25
"""Share of samples closer to a training clip than any reference clip is."""
CONCEPT_GAIN = 0.10
"""Least share of the way from the base's samples to the training mean that novel scenes go (a proposal)."""
CONCEPT_KEPT = 0.70
"""Share of the gain on training captions that novel prompts must keep."""
PROMPT_KEPT = 0.70
"""Share of the base's own recognisable prompts that the LoRA must keep; under half of that is a failure."""

BEST_WEIGHT_STRONG, BEST_WEIGHT_HIGH = 0.70, 0.85
"""Best weight below the first: overfit or too strong; below the second: a warning (measured: .92, .54)."""
BEST_WEIGHT_LOW, BEST_WEIGHT_UNDER = 1.15, 1.30
"""A best weight above the first is a little weak, above the second under-trained."""
WEIGHT_RISE = 0.10
"""Least log ratio of the effect at the highest against the lowest sampled weight (a proposal)."""
ARTIFACT_SHARE = 0.75
"""A measure outside the base's range on this share of prompts is an artifact."""
ARTIFACT_MARGIN = 0.10
"""How far beyond the base's range, in widths of that range, a value counts as outside (a proposal)."""

DRIFT_WARN, DRIFT_FAIL = 0.05, 0.15
"""Rise of the loss on the base's own samples, as log ratio (a start: on the tiny base, LoRAs that measured .09 and .12 left
another subject's colour as it was in 24 of 24 scenes, and one trained at 30 times the rate measured 2.1)."""
CLASS_LEAK = 0.7
"""Share of the trigger's movement that the class word alone may cause (a proposal)."""
BORDER_SHIFT = 0.20
"""Log ratio by which the corners may approach the training clips' corners (a proposal)."""

MAIN_WEIGHT = 0.85
"""The weight at which all arms are sampled."""
