"""Losses on fixed items, compared item by item. Knows neither where they come from nor what they decide."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TypeAlias

Item: TypeAlias = "tuple[str, int, float, int, str]"
PICTURE, SOUND = "loss", "sound"
Losses: TypeAlias = "dict[Item, dict[float, float]]"


def read_losses(loss: Mapping[str, Any]) -> Losses:
    """The items of a loss.json as {(key, window, quantile, noise, "loss"): {weight: loss}}, and those of sound that is
    generated with "sound": in means over items both count alike.

    Raises ValueError for a loss that is not a positive finite number.
    """
    losses: Losses = {}
    for item in loss["items"]:
        where = (str(item["key"]), int(item["window"]), float(item["quantile"]), int(item["noise"]))
        for of in (PICTURE, SOUND) if SOUND in item else (PICTURE,):
            by_weight = {float(weight): float(value) for weight, value in item[of].items()}
            if not all(math.isfinite(x) and x > 0 for x in by_weight.values()):
                raise ValueError(f"a loss of {item['key']} is not a positive finite number")
            name: Item = (*where, of)
            losses[name] = by_weight
    return losses


def only(losses: Losses, of: str) -> Losses:
    """The items of the picture or of sound."""
    return {item: by_weight for item, by_weight in losses.items() if item[4] == of}


def log_ratios(losses: Losses, weight: float, base: Losses, base_weight: float = 0.0) -> dict[str, float]:
    """By clip: the mean over its items of log(loss / loss of the base on the same item)."""
    by_clip: dict[str, list[float]] = defaultdict(list)
    for item, values in losses.items():
        reference = base.get(item, {})
        if weight in values and base_weight in reference:
            by_clip[item[0]].append(math.log(values[weight] / reference[base_weight]))
    return {key: sum(ys) / len(ys) for key, ys in sorted(by_clip.items())}


def weights_of(losses: Losses) -> list[float]:
    """The weights that every item was measured at, ascending."""
    shared: set[float] | None = None
    for values in losses.values():
        shared = set(values) if shared is None else shared & set(values)
    return sorted(shared or ())


def trigger_gain(text: Losses, plain: Losses) -> dict[str, float]:
    """By clip: by how much more the caption's trigger helps the LoRA than the base, in log loss.

    g = [log L(no trigger) - log L(trigger)] with LoRA minus the same for the base.
    """
    with_lora = log_ratios(plain, 1.0, text, 1.0)
    without = log_ratios(plain, 0.0, text, 0.0)
    return {key: with_lora[key] - without[key] for key in with_lora if key in without}
