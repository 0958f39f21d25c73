"""The training material in memory: latents by window and text features, one member a clip. Knows no
step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ltxbuild.job import File, StageError
from ltxbuild.model import tensor_file


@dataclass(frozen=True)
class Member:
    """One clip: windows [C, F, H, W] float32, features [L, D] of its caption and of the caption without trigger.

    `references` are as many as windows, smaller by a factor or as large, or none at all; so are `sounds` [A, D], with
    the same captions' features for sound [L, E].
    """

    key: str
    windows: tuple[torch.Tensor, ...]
    text: torch.Tensor
    plain: torch.Tensor | None
    repeats: float
    fps: float
    references: tuple[torch.Tensor, ...] = ()
    sounds: tuple[torch.Tensor, ...] = ()
    sound_text: torch.Tensor | None = None
    sound_plain: torch.Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that all its windows have."""
        return tuple(self.windows[0].shape)

    @property
    def form(self) -> tuple[int, ...]:
        """What members of one batch have in common: the windows' shape and how long their sound is, 0 without."""
        return (*self.shape, len(self.sounds[0]) if self.sounds else 0)


def features(file: File, of: str = "video") -> torch.Tensor:
    """The features [L, D] of one text for `video` or `audio`."""
    tensors, _ = tensor_file.load(file.path)
    return tensors[of]


def windows(path: Path) -> tuple[tuple[torch.Tensor, ...], float]:
    """All windows of a latents file, in order, and frames per second."""
    tensors, metadata = tensor_file.load(path)
    names = sorted(
        name for name in tensors if name.startswith("window_")
    )  # a sample's sound may lie beside it
    return tuple(tensors[name] for name in names), float(metadata["fps"])


def read_member(key: str, files: Mapping[str, Any], chosen: list[int] | None, repeats: float = 1) -> Member:
    """Read one member; `chosen` are the windows to keep (None: all). Raises StageError for latents that are
    not finite.
    """
    latents, fps = windows(files["latents"].path)
    kept = tuple(latents[i] for i in (range(len(latents)) if chosen is None else chosen))
    if not all(bool(torch.isfinite(window).all()) for window in kept):
        raise StageError("a clip's latents hold values that are not finite; encode it again")
    found = {name: files.get(name) for name in ("plain", "reference", "sound")}
    beside, heard = (_beside(found[name], len(latents), chosen) for name in ("reference", "sound"))
    text, plain = features(files["text"]), found["plain"]
    sound_text = features(files["text"], "audio") if heard else None
    sound_plain = features(plain, "audio") if heard and plain else None
    own = None if plain is None else features(plain)
    return Member(key, kept, text, own, repeats, fps, beside, heard, sound_text, sound_plain)


def _beside(file: File | None, count: int, chosen: list[int] | None) -> tuple[torch.Tensor, ...]:
    """What belongs to the chosen windows of a file that has one for each of all `count`, or none."""
    every = () if file is None else windows(file.path)[0]
    return tuple(every[i] for i in (range(count) if chosen is None else chosen)) if every else ()
