"""In which form a base's weights fit a GPU, from counted and measured sizes. Opens no model."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

AS_IS = "none"
RESERVE = 2.0
"""GiB for the context of CUDA, fragments of the allocator, and a layer that is unfolded."""
AT_ONCE = 2
"""Swapped blocks on the device at once: the one that computes, and the next on its way."""


@dataclass(frozen=True)
class Sizes:
    """What a card says of memory: GiB of the weights by form, `none` being as they are; MiB of the rest.

    `audio` are the GiB that the transformer's half for sound adds, `ranks` the MiB a rank with sound given or generated.
    """

    transformer: Mapping[str, float]
    text: Mapping[str, float]
    blocks: int
    token: float
    rank: float
    audio: Mapping[str, float]
    ranks: Mapping[str, float]

    @classmethod
    def of(cls, table: Mapping[str, Any] | None) -> Sizes | None:
        """From a card's [memory]; a base without it fits anywhere. Raises KeyError or ValueError."""
        if table is None:
            return None
        transformer, text, audio, ranks = (
            {form: float(figure) for form, figure in table[part].items()}
            for part in ("transformer", "text", "audio", "ranks")
        )
        blocks, token, rank = int(table["blocks"]), float(table["token"]), float(table["rank"])
        return cls(transformer, text, blocks, token, rank, audio, ranks)

    def hearing(self, audio: str) -> Sizes:
        """The same where sound is `given` or `generated`; `none` is without."""
        if audio == "none":
            return self
        whole = {form: gib + self.audio[form] for form, gib in self.transformer.items()}
        return replace(self, transformer=whole, rank=self.ranks[audio])


@dataclass(frozen=True)
class Fit:
    """The form of the transformer's layers, how many of its blocks are swapped, and GiB that training then takes."""

    quantize: str
    swap: int
    needed: float


def fit(sizes: Sizes, total: float, tokens: int, rank: int, forms: Sequence[str]) -> Fit:
    """The first of `forms` that leaves room to train `tokens` a step on a GPU of `total` GiB; else the last one, swapped.

    If not even that fits, all blocks are swapped and `needed` is more than `total`.
    """
    work = RESERVE + (sizes.token * tokens + sizes.rank * rank) / 1024
    for form in forms:
        if sizes.transformer[form] + work <= total:
            return Fit(form, 0, sizes.transformer[form] + work)
    form = forms[-1]
    block = sizes.transformer[form] / sizes.blocks
    for swap in range(AT_ONCE + 1, sizes.blocks + 1):
        needed = block * (sizes.blocks - swap + AT_ONCE) + work
        if needed <= total:
            break
    return Fit(form, swap, needed)


def fit_text(sizes: Sizes, total: float) -> str:
    """The first form in which text encoder and connectors fit beside each other; the last if none does."""
    room = (form for form, weights in sizes.text.items() if weights + RESERVE <= total)
    return next(room, [*sizes.text][-1])


def device_of(wanted: str) -> str:
    """Where models compute: [memory] device, or the GPU if this machine has one."""
    if wanted == "auto":
        return "cuda" if Path("/dev/nvidia0").exists() else "cpu"
    return wanted


@cache
def gpus() -> tuple[float, ...]:
    """GiB of each GPU, by the driver's own tool; none without one. Costs no import of torch."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
        return tuple(float(line) / 1024 for line in told.splitlines())
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
