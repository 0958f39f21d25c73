"""What the tests are given, already in memory. Knows no file and draws no conclusion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ltxbuild.stages.judge.losses import Losses
from ltxbuild.stages.judge.pooling import distance
from ltxbuild.stages.judge.thresholds import MAIN_WEIGHT

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """One picture of one arm: pooled latents, measures by name, and the clip whose reference it was shown."""

    pooled: Vector
    measures: Mapping[str, float] = field(default_factory=dict)
    target: str | None = None


@dataclass(frozen=True)
class Clip:
    """One clip of the set: its pooled windows [windows, P] and its role, "train" or "holdout"."""

    windows: Vector
    role: str


@dataclass(frozen=True)
class Evidence:
    """Everything measured. Samples are named p<prompt>.<base|lora>.<trigger|plain>.<weight>, or d<clip>..."""

    mode: str
    kind: str
    samples: Mapping[str, Sample]
    clips: Mapping[str, Clip]
    weights: Losses = field(default_factory=dict)
    plain: Losses = field(default_factory=dict)
    drift: Losses = field(default_factory=dict)

    @property
    def training(self) -> dict[str, Clip]:
        """The clips that were trained on."""
        return {name: clip for name, clip in self.clips.items() if clip.role == "train"}

    @property
    def heldout(self) -> dict[str, Clip]:
        """The clips that were kept aside."""
        return {name: clip for name, clip in self.clips.items() if clip.role == "holdout"}

    def target(self) -> Vector:
        """The training mean [P]: each clip counts once, however many windows it has."""
        means = np.stack([clip.windows.mean(axis=0) for clip in self.training.values()])
        return np.asarray(means.mean(axis=0), np.float32)

    def way(self, prompts: Sequence[int]) -> Vector:
        """From where the base's samples with the trigger lie on the mean to the training mean [P]."""
        start = np.mean([self.pooled(k, *BASE_TRIGGER) for k in prompts], axis=0)
        return np.asarray(self.target() - start, np.float32)

    def prompts(self, *arms: tuple[str, str, float]) -> list[int]:
        """The prompts that were sampled in all of `arms` (model, text, weight)."""
        found = [self._prompts_of(*arm) for arm in arms]
        return sorted(set.intersection(*found)) if found else []

    def pooled(self, prompt: int, model: str, text: str, weight: float) -> Vector:
        """The pooled latents of one arm's sample; KeyError if it was not made."""
        return self.samples[sample_id(prompt, model, text, weight)].pooled

    def target_of(self, name: str) -> Vector | None:
        """The pooled latents of the clip whose reference a sample was shown; None without one."""
        clip = self.clips.get(self.samples[name].target or "")
        return None if clip is None else np.asarray(clip.windows.mean(axis=0), np.float32)

    def in_distribution(self) -> dict[str, Sample]:
        """The samples of training captions."""
        return {name: sample for name, sample in self.samples.items() if name.startswith("d")}

    def sampled_weights(self) -> list[float]:
        """The weights at which the prompts were sampled with the LoRA and the trigger, ascending."""
        names = (name.split(".", 3) for name in self.samples if name.startswith("p"))
        return sorted({float(n[3]) for n in names if n[1:3] == ["lora", "trigger"]})

    def _prompts_of(self, model: str, text: str, weight: float) -> set[int]:
        wanted = f".{model}.{text}.{weight:g}"
        ends = (name for name in self.samples if name.startswith("p") and name.endswith(wanted))
        return {int(name.split(".", 1)[0][1:]) for name in ends}


BASE_TRIGGER = ("base", "trigger", 0.0)
BASE_PLAIN = ("base", "plain", 0.0)
LORA_TRIGGER = ("lora", "trigger", MAIN_WEIGHT)
LORA_PLAIN = ("lora", "plain", MAIN_WEIGHT)


def sample_id(prompt: int, model: str, text: str, weight: float) -> str:
    """The name of a sample; the base's weight is written as 0."""
    return f"p{prompt}.{model}.{text}.{weight:g}"


def nearest(vector: Vector, clips: Mapping[str, Clip]) -> tuple[str, float]:
    """The clip with the closest window, and its distance."""
    found = ((min(distance(vector, w) for w in clip.windows), name) for name, clip in clips.items())
    gap, name = min(found)
    return name, gap


def log_ratio(a: float, b: float) -> float:
    """log(a / b) of two distances; a distance of exactly 0 counts as a rounding error, not as infinity."""
    return math.log(max(a, 1e-6) / max(b, 1e-6))


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean; ValueError if empty."""
    numbers = list(values)
    if not numbers:
        raise ValueError("no value to average")
    return sum(numbers) / len(numbers)
