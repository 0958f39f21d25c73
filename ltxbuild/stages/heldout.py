"""A held-out curve read from loss files, and the steps after which nothing was trained. Judges nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ltxbuild.job import File, read_json
from ltxbuild.stages.curve import curve_value


@dataclass(frozen=True)
class Stop:
    """Training took no step after `at` up to `end`, where the decay tail begins; `verdict` and `why` tell the reason."""

    at: int
    end: int
    verdict: str
    why: str

    @classmethod
    def of(cls, found: Mapping[str, Any] | None) -> Stop | None:
        """From halt.json or from `stopped` of choice.json; None from None."""
        return None if found is None else cls(found["at"], found["end"], found["verdict"], found["why"])


def taken(step: int, stop: Stop | None) -> int | None:
    """How many steps were trained up to a checkpoint's nominal one; None for one that repeats the one before."""
    if stop is None or step <= stop.at:
        return step
    return None if step <= stop.end else step - (stop.end - stop.at)


T = TypeVar("T")


def trained(by_step: Mapping[int, T], stop: Stop | None) -> dict[int, T]:
    """What belongs to checkpoints, by the steps that were trained, ascending; repeated checkpoints are left out."""
    pairs = ((taken(step, stop), value) for step, value in sorted(by_step.items()))
    return {step: value for step, value in pairs if step is not None}


def read_curve(base: File, curve: Mapping[str, File]) -> dict[int, float]:
    """y of each checkpoint by its nominal step, ascending; empty without held-out items."""
    first = _by_clip(read_json(base.path))
    files = sorted((int(name), file) for name, file in curve.items()) if first else []
    return {step: curve_value(_by_clip(read_json(file.path)), first) for step, file in files}


def _by_clip(loss: Mapping[str, Any]) -> dict[str, list[float]]:
    """Losses by clip in a fixed order of items, at the one weight that was measured; of sound that is generated, too.

    A curve is the mean of their logarithms against the base's: picture and sound count alike.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for item in sorted(loss["items"], key=lambda i: (i["key"], i["window"], i["quantile"], i["noise"])):
        for of in ("loss", "sound"):
            found[item["key"]] += [float(value) for value in item.get(of, {}).values()]
    return dict(found)
