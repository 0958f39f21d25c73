"""A base described as data: geometry, ladders, defaults, sampler, ranges for lint. Opens no model.

Knows where cards live, not where weights do; nothing that reads a card asks which base it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from ltxbuild.problem import fail
from ltxbuild.project.memory import Sizes

BASES = Path(__file__).parents[1] / "bases"
MODES = ("fast", "quality")


@dataclass(frozen=True)
class Source:
    """Where the weights are: a folder beside the card, or a repository of the Hub; and their terms of use."""

    folder: str | None
    repository: str | None
    revision: str | None
    licence: str
    gated: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Card:
    """One base. Lengths in pixels and frames; `spatial` and `temporal` are the VAE's compression.

    `audio_bins` are those of the latents of sound, `audio_guidance` is how strongly a sample's sound follows its text.
    `needs_gpu` says that its work is too expensive to begin unasked; a card that says nothing means so.
    """

    name: str
    title: str
    spatial: int
    temporal: int
    channels: int
    grid: int
    fps: float
    text_length: int
    precision: str
    rate_scale: float
    evaluation_size: tuple[int, int, int]
    sampler: dict[str, Any]
    lint_ranges: dict[str, Any]
    source: Source
    defaults: Mapping[str, Any]
    modes: Mapping[str, Mapping[str, Any]]
    types: Mapping[str, Mapping[str, Any]]
    distilled: Mapping[str, tuple[float, ...]]
    needs_gpu: bool
    memory: Sizes | None
    audio_bins: int
    audio_guidance: float

    @property
    def smallest_bucket(self) -> int:
        """The fewest frames that a clip may have (stills apart)."""
        return min(int(n) for n in self.defaults["bucket.frames"] if n > 1)

    def sigmas(self, mode: str) -> list[float] | None:
        """The distilled sampler's sigmas, between which half of the draws fall; None if there are none."""
        return list(self.distilled[mode]) if mode in self.distilled else None

    def tokens(self, width: int, height: int, frames: int) -> int:
        """Latent tokens of one sample."""
        return ((frames - 1) // self.temporal + 1) * (height // self.spatial) * (width // self.spatial)

    def fits_grid(self, width: int, height: int) -> bool:
        """Whether both sides are on the pixel grid."""
        return width % self.grid == 0 and height % self.grid == 0

    def fits_frames(self, frames: int) -> bool:
        """Whether a length is a multiple of the temporal compression, plus one."""
        return frames % self.temporal == 1 % self.temporal


def card_names() -> list[str]:
    """The bases that can be named without a path."""
    return sorted(path.stem for path in BASES.glob("*.toml"))


def named_card(name: str) -> Card:
    """The card of a base inside the package."""
    return read_card(BASES / f"{name}.toml")


def read_card(path: Path) -> Card:
    """Read a card; raises ProjectError P217 if a key is missing or the file is no TOML."""
    try:
        data = tomli.loads(path.read_text(encoding="utf-8"))
        return _card(data, path.stem)
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise fail("P217", f"the card {path} cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise fail(
            "P217", f"the card {path} is incomplete: {error}", "compare with bases/ltx-2.3.toml"
        ) from None


def _card(data: Mapping[str, Any], stem: str) -> Card:
    geometry, evaluation = data["geometry"], data["evaluation"]
    modes = {mode: _flat(data["modes"][mode]) for mode in MODES}
    return Card(
        name=data.get("name", stem),
        title=data.get("title", stem),
        spatial=int(geometry["spatial"]),
        temporal=int(geometry["temporal"]),
        channels=int(geometry["channels"]),
        grid=int(geometry["grid"]),
        fps=float(data["video"]["fps"]),
        text_length=int(data["text"]["length"]),
        precision=str(data["precision"]["weights"]),
        rate_scale=float(data.get("rate_scale", 1.0)),
        evaluation_size=(int(evaluation["width"]), int(evaluation["height"]), int(evaluation["frames"])),
        sampler=dict(data["sampler"]),
        lint_ranges=dict(data["lint"]),
        source=_source(data["source"]),
        defaults=_flat(data["defaults"]),
        modes=modes,
        types={key: _flat(table) for key, table in _type_tables(data.get("types", {}))},
        distilled={mode: tuple(values) for mode, values in data.get("distilled", {}).items()},
        needs_gpu=bool(data.get("needs_gpu", True)),
        memory=Sizes.of(data.get("memory")),
        audio_bins=int(data["audio"]["bins"]),
        audio_guidance=float(data["audio"]["guidance"]),
    )


def _source(table: Mapping[str, Any]) -> Source:
    gated = tuple(dict(part) for part in table.get("gated", []))
    return Source(
        table.get("folder"), table.get("repository"), table.get("revision"), table["licence"], gated
    )


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """{"train": {"steps": 1}} as {"train.steps": 1}: cards hold settings in the sections of lora.toml."""
    return {f"{section}.{key}": value for section, keys in table.items() for key, value in keys.items()}


def _type_tables(table: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """[types.motion] as "motion" and [types.motion.fast] as "motion.fast"."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name, value in table.items():
        found.append((name, {section: keys for section, keys in value.items() if section not in MODES}))
        found += [(f"{name}.{mode}", value[mode]) for mode in MODES if mode in value]
    return found
