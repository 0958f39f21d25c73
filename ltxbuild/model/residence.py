"""The models that this process keeps open from one job to the next. Knows no stage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltxbuild.model.device import Place

if TYPE_CHECKING:
    from ltxbuild.model.base import OpenBase

LARGE = ("transformer", "text_encoder", "connectors", "vae", "audio_vae", "vocoder")
# What is used together and so stays together on a GPU: features need both, a sample its picture and its sound.
TOGETHER = {
    name: together
    for together in (("text_encoder", "connectors"), ("vae", "audio_vae", "vocoder"))
    for name in together
}

_open: dict[Place, OpenBase] = {}


def resident(place: Place) -> OpenBase:
    """The base of `place`, opened once a process. On a GPU another base's weights leave first."""
    name = replace(place, checkpointing=False)  # a base is open in the same way with it and without
    if name not in _open:
        from ltxbuild.model.base import open_base  # slow to import; only a missing base needs it

        if place.device != "cpu":
            _open.clear()
        _open[name] = open_base(
            place.base, place.device, place.precision, place.quantize, place.swap, place.audio
        )
    return _open[name]


def part(place: Place, name: str, beside: tuple[str, ...] = ()) -> Any:
    """One frozen component (`transformer`, `vae`, `audio_vae`, `vocoder`, `connectors`, `text_encoder`, `tokenizer`),
    opened if need be.

    On a GPU the large parts that are neither used together with it nor named to be kept `beside` it are dropped before,
    because the real model's transformer and text encoder do not fit beside each other; a CPU keeps what it has.
    """
    base = resident(place)
    if place.device != "cpu" and name in LARGE:
        for other in LARGE:
            if other not in (*TOGETHER.get(name, (name,)), *beside):
                base.release(other)
    return getattr(base, name)()


def forget() -> None:
    """Close everything, for tests and for a worker that changes its base."""
    _open.clear()
