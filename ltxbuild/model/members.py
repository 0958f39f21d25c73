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

    `references` are as many as windows, smaller by a factor or as large, or none at all.
    """

    key: str
    windows: tuple[torch.Tensor, ...]
    text: torch.Tensor
    plain: torch.Tensor | None
    repeats: float
    fps: float
    references: tuple[torch.Tensor, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that all its windows have."""
        return tuple(self.windows[0].shape)


def features(file: File) -> torch.Tensor:
    """The video features [L, D] of one text."""
    tensors, _ = tensor_file.load(file.path)
    return tensors["video"]


def windows(path: Path) -> tuple[tuple[torch.Tensor, ...], float]:
    """All windows of a latents file, in order, and frames per second."""
    tensors, metadata = tensor_file.load(path)
    return tuple(tensors[name] for name in sorted(tensors)), float(metadata["fps"])


def read_member(key: str, files: Mapping[str, Any], chosen: list[int] | None, repeats: float = 1) -> Member:
    """Read one member; `chosen` are the windows to keep (None: all). Raises StageError for latents that are
    not finite.
    """
    latents, fps = windows(files["latents"].path)
    kept = tuple(latents[i] for i in (range(len(latents)) if chosen is None else chosen))
    if not all(bool(torch.isfinite(window).all()) for window in kept):
        raise StageError("a clip's latents hold values that are not finite; encode it again")
    plain, beside = files.get("plain"), files.get("reference")
    shown = () if beside is None else windows(beside.path)[0]
    references = tuple(shown[i] for i in (range(len(shown)) if chosen is None else chosen)) if shown else ()
    text = features(files["text"])
    return Member(key, kept, text, None if plain is None else features(plain), repeats, fps, references)
