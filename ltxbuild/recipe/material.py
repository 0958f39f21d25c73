"""The training material as inputs, and losses that are measured on it."""

from __future__ import annotations

from ltxbuild.engine.action import Bag, External, Input, Ref, Value
from ltxbuild.job import JsonDict
from ltxbuild.project.project import Clip
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.sound import audio_of, weights_of

QUANTILES = [0.1, 0.3, 0.5, 0.7, 0.9]  # of the sampler's own sigmas, where held-out loss is measured
NOISES = 2


def member_bag(scope: Scope, mode: str, plain: bool) -> Bag:
    """The training material without names or order: latents and features, with `plain` also those of the class word.

    Every segment and loss of a mode that reads the same has the same one, so that it is put in order once.
    """
    name = f"{mode} plain" if plain else mode
    if name not in scope.bags:
        members = tuple(
            {**member(scope, mode, clip), **(_plain(scope, clip.key) if plain else {})}
            for clip in scope.trainable
        )
        scope.bags[name] = Bag(members)
    return scope.bags[name]


def member(scope: Scope, mode: str, clip: Clip) -> dict[str, Input]:
    """What a clip is in training: its latents and features, and its reference and sound where there are such."""
    found: dict[str, Input] = {
        "latents": scope.ref(f"latents:{mode}:{clip.key}", "latents.safetensors"),
        "text": scope.ref(f"text:{clip.key}", "features.safetensors"),
    }
    if clip.reference:
        found["reference"] = scope.ref(f"reference:{mode}:{clip.key}", "latents.safetensors")
    if audio_of(scope, mode):
        found["sound"] = scope.ref(f"sound:{mode}:{clip.key}", "sound.safetensors")
    return found


def _plain(scope: Scope, key: str) -> dict[str, Input]:
    return {"plain": scope.ref(f"plain:{key}", "features.safetensors")}


def add_loss(
    scope: Scope,
    name: str,
    mode: str,
    adapter: str | None,
    params: JsonDict,
    items: Bag | None = None,
) -> str:
    """Loss with fixed noise on the held-out members, or on `items` if given."""
    material: dict[str, Input] = (
        {"items": items, "dataset": Value(None)}
        if items is not None
        else {
            "items": member_bag(scope, mode, plain=params.get("text") == "plain"),
            "dataset": Ref(f"dataset:{mode}", "dataset.json"),
        }
    )
    return scope.add(
        "loss",
        name,
        params={
            "text": "text",
            "quantiles": QUANTILES,
            "noises": NOISES,
            "fps": scope.card.fps,
            **weights_of(scope, mode),
            **params,
        },
        inputs={
            **material,
            "adapter": Value(None) if adapter is None else Ref(adapter, "adapter.safetensors"),
            "transformer": External("transformer"),
        },
        affinity="transformer",
    )
