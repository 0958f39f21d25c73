"""LoRA layers on the video half of the transformer. Knows neither training nor file names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from ltxbuild.job import StageError
from ltxbuild.model.device import generator
from ltxbuild.model.lora_layer import LoraLinear

_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
_ATTENTION = [f"{a}.{p}" for a in ("attn1", "attn2") for p in _PROJECTIONS]
_FORWARD = ["ff.net.0.proj", "ff.net.2"]
_TO_PICTURE = [f"audio_to_video_attn.{p}" for p in _PROJECTIONS]
_TO_SOUND = [f"video_to_audio_attn.{p}" for p in _PROJECTIONS]
TARGETS = {"attention": _ATTENTION, "attention+ff": [*_ATTENTION, *_FORWARD]}
"""By suffix after a dot: `attn1.to_q` is not part of `audio_attn1.to_q`, so the audio half stays as it is."""
TARGETS |= {f"{name}+given": [*found, *_TO_PICTURE] for name, found in TARGETS.items()} | {
    f"{name}+generated": [*found, *(f"audio_{target}" for target in found), *_TO_PICTURE, *_TO_SOUND]
    for name, found in TARGETS.items()
}
"""Beside sound that is given, the picture's view of it is trained; with sound that is generated, its half as well."""


@dataclass(frozen=True)
class Spec:
    """What defines an adapter besides its weights."""

    rank: int
    alpha: float
    targets: str
    stabilized: bool = False

    @property
    def audio(self) -> bool:
        """Whether it needs the transformer's half for sound."""
        return self.targets.endswith(("+given", "+generated"))

    @property
    def scale(self) -> float:
        """What B A is multiplied with: alpha / rank, or alpha / sqrt(rank) rank-stabilised (Kalajdzievski 2023)."""
        return self.alpha / (math.sqrt(self.rank) if self.stabilized else self.rank)

    def metadata(self) -> dict[str, str]:
        """For the adapter file, so that a reader needs nothing else."""
        found = {"rank": str(self.rank), "alpha": repr(float(self.alpha)), "targets": self.targets}
        return {**found, "stabilized": "true"} if self.stabilized else found

    @classmethod
    def read(cls, metadata: Mapping[str, str]) -> Spec:
        """The inverse of `metadata`."""
        stabilized = metadata.get("stabilized") == "true"
        return cls(int(metadata["rank"]), float(metadata["alpha"]), metadata["targets"], stabilized)


@dataclass
class Adapter:
    """The LoRA layers of one transformer by module name."""

    transformer: Any
    layers: dict[str, LoraLinear]

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """`<module>.lora_A.weight` and `.lora_B.weight`, sorted by name."""
        pairs = {
            f"{name}.lora_{half}.weight": parameter
            for name, layer in self.layers.items()
            for half, parameter in (("A", layer.a), ("B", layer.b))
        }
        return dict(sorted(pairs.items()))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Copies of the parameters on the CPU."""
        return {name: p.detach().cpu().clone() for name, p in self.parameters().items()}

    def fill(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Overwrite the parameters. Raises StageError when names or shapes are not the adapter's own."""
        own = self.parameters()
        if own.keys() != tensors.keys():
            odd = sorted(own.keys() ^ tensors.keys())
            raise StageError(f"the adapter does not fit the base: {len(odd)} tensors differ, first {odd[0]}")
        with torch.no_grad():
            for name, parameter in own.items():
                if parameter.shape != tensors[name].shape:
                    raise StageError(f"the adapter does not fit the base: {name} has another shape")
                parameter.copy_(tensors[name])

    def start(self, seed: int) -> None:
        """A from Kaiming's uniform with a = sqrt(5), as peft has it, by a generator of its own per tensor; B
        zero.
        """
        with torch.no_grad():
            for name, parameter in self.parameters().items():
                if ".lora_B." in name:
                    parameter.zero_()
                    continue
                bound = 1 / math.sqrt(parameter.shape[1])
                values = torch.rand(parameter.shape, generator=generator("lora", seed, name))
                parameter.copy_((values * 2 - 1) * bound)

    def off(self) -> AbstractContextManager[None]:
        """The base alone, bit for bit, while this lasts."""
        return self.weighted(0.0)

    @contextmanager
    def weighted(self, weight: float) -> Iterator[None]:
        """The adapter at `weight` while this lasts; 0 is the base alone."""
        before = {name: layer.weight for name, layer in self.layers.items()}
        for layer in self.layers.values():
            layer.weight = weight
        try:
            yield
        finally:
            for name, layer in self.layers.items():
                layer.weight = before[name]


@contextmanager
def attached(transformer: Any, spec: Spec) -> Iterator[Adapter]:
    """Put LoRA layers on the transformer while this lasts; its own weights are frozen and stay untouched."""
    transformer.requires_grad_(False)
    device = next(transformer.parameters()).device
    suffixes = tuple(f".{target}" for target in TARGETS[spec.targets])
    layers = {
        name: LoraLinear(module, spec.rank, spec.scale, device)
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.Linear) and name.endswith(suffixes)
    }
    for name, layer in layers.items():
        transformer.set_submodule(name, layer)
    try:
        yield Adapter(transformer, layers)
    finally:
        for name, layer in layers.items():
            transformer.set_submodule(name, layer.base)
