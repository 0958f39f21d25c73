"""Resolved settings: for each mode every value with the place it came from. Knows no file and no base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from ltxbuild.project.setting import show
from ltxbuild.project.settings import BY_KEY, MODES, SETTINGS, TRAIN


@dataclass(frozen=True)
class Resolved:
    """A value and its origin: default, base, type, mode, user, rehearsal, `lora.toml:12`, -s or --mode."""

    value: Any
    origin: str


@dataclass(frozen=True)
class TrainSettings:
    """All values of [train] for one mode."""

    steps: int
    rank: int
    alpha: float
    learning_rate: float
    warmup: int
    batch: int
    seed: int
    targets: Literal["attention", "attention+ff"]
    first_frame: float
    last_frame: float
    prefix: float
    suffix: float
    context: int
    caption_dropout: float
    accumulate: int
    rank_stabilized: bool
    prior: float
    interval: int
    decay: float
    reference_scale: Literal[1, 2, 4]
    audio: Literal["none", "given", "generated"]
    init_from: str
    stop: Literal["plateau", "never"]
    holdout: Literal["auto", False]
    weight_decay: float
    clip_norm: float


@dataclass(frozen=True)
class Listed:
    """One line of `ltxbuild config`."""

    key: str
    value: str
    origin: str
    help: str


@dataclass(frozen=True)
class Settings:
    """Every setting for both modes; without a mode, for the project's own."""

    values: Mapping[str, Mapping[str, Resolved]]

    def get(self, key: str, mode: str | None = None) -> Any:
        """The value of a key such as `train.rank`."""
        return self._one(key, mode).value

    def origin(self, key: str, mode: str | None = None) -> str:
        """Where the value came from."""
        return self._one(key, mode).origin

    def mode(self, name: str) -> TrainSettings:
        """All training values of one mode."""
        return TrainSettings(**{f.name: self.get(f"train.{f.name}", name) for f in fields(TrainSettings)})

    def listing(self) -> list[Listed]:
        """Every value with its origin in the order of declaration; both modes where they differ."""
        lines: list[Listed] = []
        for setting in SETTINGS:
            found = [self.values[mode][setting.key] for mode in MODES]
            if found[0].value == found[1].value:
                own = self._one(setting.key, None)
                lines.append(Listed(setting.key, show(own.value), own.origin, setting.help))
                continue
            for mode, one in zip(MODES, found, strict=True):
                lines.append(Listed(f"{setting.key} ({mode})", show(one.value), one.origin, setting.help))
        return lines

    def _one(self, key: str, mode: str | None) -> Resolved:
        assert key in BY_KEY, f"no setting {key}"
        chosen = mode or self.values[MODES[0]]["train.mode"].value
        return self.values[chosen][key]


assert {f.name for f in fields(TrainSettings)} == {s.name for s in TRAIN}, "TrainSettings and [train] differ"
