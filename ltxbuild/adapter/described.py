"""What a LoRA file holds, from its header: form, layers, ranks, scales, and what is wrong with it. Changes nothing."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ltxbuild.adapter.header import Header
from ltxbuild.adapter.keys import Key, of_audio, other_kind, parse

ATTENTION_OF = ("attn1.", "attn2.")


@dataclass(frozen=True)
class Layer:
    """One layer's LoRA: names of its tensors, its rank, and what B A is multiplied with."""

    a: str
    b: str
    rank: int
    scale: float


@dataclass(frozen=True)
class Description:
    """A LoRA file. `problems` say why it cannot be used; `scaled` where its scales come from."""

    form: str
    layers: Mapping[str, Layer]
    scaled: str
    dtypes: tuple[str, ...]
    metadata: Mapping[str, str]
    problems: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def ranks(self) -> list[int]:
        """Every rank that occurs, ascending."""
        return sorted({layer.rank for layer in self.layers.values()})

    @property
    def audio(self) -> list[str]:
        """Layers that a training on video alone has no use for."""
        return [module for module in self.layers if of_audio(module)]

    @property
    def targets(self) -> str:
        """Which layers of the video blocks it changes, in the words of [train] targets."""
        inner = {module.split(".", 2)[2] for module in self.layers if not of_audio(module)}
        return "attention" if all(name.startswith(ATTENTION_OF) for name in inner) else "attention+ff"


def describe(header: Header) -> Description:
    """Read what a file's keys and shapes say. Whatever is wrong is told, nothing raised."""
    keys = {name: parse(name) for name in header.tensors}
    known = {name: key for name, key in keys.items() if key is not None}
    unknown = tuple(sorted(name for name, key in keys.items() if key is None))
    parts: dict[str, dict[str, str]] = {}
    for name, key in known.items():
        parts.setdefault(key.module, {})[key.part] = name
    problems = _kinds(unknown)
    if not parts and not problems:
        problems.append(
            "no key of it names a layer of LTX's transformer: it is no LoRA, or one for another model"
        )
    saved = _saved_scale(header.metadata)
    layers: dict[str, Layer] = {}
    for module, names in sorted(parts.items(), key=lambda item: _order(item[0])):
        layer = _layer(header, module, names, saved, problems)
        if layer is not None:
            layers[module] = layer
    return Description(
        _form(known),
        layers,
        _scaled(parts, saved),
        tuple(sorted({entry.dtype for entry in header.tensors.values()})),
        header.metadata,
        tuple(problems),
        unknown,
    )


def _kinds(unknown: tuple[str, ...]) -> list[str]:
    kinds = Counter(kind for name in unknown if (kind := other_kind(name)))
    return [f"it holds {kind} ({count} tensors), which is no plain LoRA" for kind, count in kinds.items()]


def _layer(
    header: Header, module: str, names: Mapping[str, str], saved: float | None, problems: list[str]
) -> Layer | None:
    if "A" not in names or "B" not in names:
        problems.append(f"{module} has only one half of its LoRA")
        return None
    a, b = header.tensors[names["A"]].shape, header.tensors[names["B"]].shape
    if len(a) != 2 or len(b) != 2 or a[0] != b[1] or a[0] == 0:
        problems.append(f"{module} has halves of {list(a)} and {list(b)}, which do not fit together")
        return None
    scale = 1.0 if saved is None else saved
    if "alpha" in names:
        alpha = header.number(names["alpha"])
        if alpha is None or not math.isfinite(alpha):
            problems.append(f"{module} has an alpha that is no number")
            return None
        scale = alpha / a[0]
    return Layer(names["A"], names["B"], a[0], scale)


def _saved_scale(metadata: Mapping[str, str]) -> float | None:
    """What diffusers keeps of peft's configuration: its loader multiplies by it. None if there is nothing."""
    try:
        found = json.loads(metadata.get("lora_adapter_metadata", "{}"))
        values: dict[str, Any] = {name.rpartition(".")[2]: value for name, value in found.items()}
        rank, alpha = float(values["r"]), float(values["lora_alpha"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return alpha / (math.sqrt(rank) if values.get("use_rslora") else rank) if rank > 0 else None


def _scaled(parts: Mapping[str, Mapping[str, str]], saved: float | None) -> str:
    if any("alpha" in names for names in parts.values()):
        return "alpha keys"
    return "baked in" if saved is None else "metadata of diffusers"


def _form(known: Mapping[str, Key]) -> str:
    forms = Counter(key.form for key in known.values())
    return "unknown" if not forms else forms.most_common(1)[0][0] if len(forms) == 1 else "mixed"


def _order(module: str) -> tuple[int, str]:
    _, block, inner = module.split(".", 2)
    return int(block), inner
