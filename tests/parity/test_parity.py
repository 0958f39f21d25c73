"""A training step here against Lightricks' own ltx-core on the same tiny weights, in every condition.

ltx-core has requirements of its own, so it has an environment of its own, whose Python LTX_CORE_PYTHON names:

    python -m venv core && core/bin/pip install ltx-core==1.0.0 diffusers
    LTX_CORE_PYTHON=core/bin/python pytest -m slow tests/parity
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ltxbuild.model.flow import Reference, Size, Sound, masked_loss, noised, pack, target, velocities
from ltxbuild.model.lora import Adapter, Spec, attached
from tests.base import original

pytestmark = pytest.mark.slow
TOLERANCE = 1e-5
SPEC = Spec(4, 8.0, "attention+ff")
SIZE = Size(3, 4, 6)
CHANNELS, LENGTH = 64, 16
CASES = (
    "text",
    "first_frame",
    "first_and_last_frame",
    "half_size_reference",
    "audio_with_video",
    "frozen_audio",
)


def random(name: str, *shape: int) -> torch.Tensor:
    dice = torch.Generator().manual_seed(sum(map(ord, name)))
    return torch.randn(shape, generator=dice)


def make_case(name: str) -> dict[str, torch.Tensor]:
    shape = (2, CHANNELS, SIZE.frames, SIZE.height, SIZE.width)
    free = torch.ones(2, SIZE.frames, SIZE.height * SIZE.width)
    if name.startswith("first"):
        free[0, 0] = 0
    if name == "first_and_last_frame":
        free[:, -1] = 0
    case = {
        "x0": random(name + "x", *shape),
        "noise": random(name + "e", *shape),
        "sigma": torch.tensor([0.3, 0.8]),
        "text": random(name + "t", 2, LENGTH, 192),
        "free": free.reshape(2, SIZE.tokens, 1),
    }
    if name == "half_size_reference":
        case["reference"] = random(name, 2, CHANNELS, SIZE.frames, SIZE.height // 2, SIZE.width // 2)
        case["scale"] = torch.tensor(2)
    if "audio" in name:
        case["sound"], case["sound_noise"] = random("s", 2, 4, 7, 2), random("n", 2, 4, 7, 2)
        case["sound_sigma"] = torch.tensor([0.6, 0.1]) if name == "audio_with_video" else torch.zeros(2)
        case["sound_text"] = random("st", 2, LENGTH, 24)
        case["free"][0, : SIZE.height * SIZE.width] = 0  # and a given frame beside it
    return case


def make_adapter(adapter: Adapter) -> dict[str, torch.Tensor]:
    """A LoRA with an effect on every layer; what it adds to each weight, by the layer's name."""
    changes = {}
    for name, layer in adapter.layers.items():
        for half, weight in (("lora_A", layer.a), ("lora_B", layer.b)):
            weight.data = random(name + half, *weight.shape) * 0.05
        changes[name] = SPEC.scale * layer.b.data @ layer.a.data
    return changes


@pytest.fixture(scope="module")
def adapter() -> Iterator[Adapter]:
    transformer = original.parts()["transformer"].float().requires_grad_(False)
    with attached(transformer, SPEC) as made:
        yield made


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory, adapter: Adapter) -> dict[str, torch.Tensor]:
    python = os.environ.get("LTX_CORE_PYTHON")
    if not python:
        pytest.skip("LTX_CORE_PYTHON names no Python that has ltx-core")
    folder = tmp_path_factory.mktemp("parity")
    base = original.write(folder / "base.safetensors")
    changes = {f"change/{layer}": t for layer, t in make_adapter(adapter).items()}
    cases = {name: {**make_case(name), **changes} for name in CASES}
    tensors = {f"{name}/{part}": t.clone() for name, case in cases.items() for part, t in case.items()}
    save_file(tensors, folder / "cases.safetensors")
    script = Path(__file__).with_name("core.py")
    subprocess.run(
        [python, script, base, folder / "cases.safetensors", folder / "out.safetensors"], check=True
    )
    return load_file(folder / "out.safetensors")


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_the_official_one(name: str, theirs: dict[str, torch.Tensor], adapter: Adapter) -> None:
    case = make_case(name)
    x0, noise, sigma, free = pack(case["x0"]), pack(case["noise"]), case["sigma"], case["free"][..., 0]
    x = torch.where(free[..., None] > 0, noised(x0, noise, sigma[:, None, None]), x0)
    reference = sound = None
    if "reference" in case:
        beside = case["reference"]
        reference = Reference(pack(beside), Size.of(beside), int(case["scale"]))
    if "sound" in case:
        heard, e = (case[n].transpose(1, 2).flatten(2) for n in ("sound", "sound_noise"))
        level = case["sound_sigma"]
        sound = Sound(noised(heard, e, level[:, None, None]), level, case["sound_text"])
    transformer = adapter.transformer
    given = None if bool(free.all()) else 1 - free
    v, a = velocities(transformer, x, sigma, case["text"], SIZE, 24.0, given, reference, sound)
    # The official trainer divides by the batch's mask as a whole, we by each sample's own.
    loss = (masked_loss(v, target(x0, noise), free) * free.mean(1)).mean() / free.mean()
    if a is not None:
        loss = loss + (a - target(heard, e)).square().mean()
    parameters = adapter.parameters()
    gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))
    near(v.detach() * free[..., None], theirs[f"{name}/video"] * free[..., None])
    near(loss.detach()[None], theirs[f"{name}/loss"])
    for layer, module in adapter.layers.items():
        # With W + s B A in place of W, by the chain rule: dA = s B^T dW and dB = s dW A^T.
        official = SPEC.scale * theirs[f"{name}/gradient/{layer}"]
        near(gradients[f"{layer}.lora_A.weight"], module.b.detach().T @ official)
        near(gradients[f"{layer}.lora_B.weight"], official @ module.a.detach().T)
    if a is not None:
        near(a.detach(), theirs[f"{name}/audio"])


def near(ours: torch.Tensor, official: torch.Tensor) -> None:
    difference, largest = float((ours - official).abs().max()), float(official.abs().max())
    assert largest > 0 and difference < TOLERANCE * largest, f"{difference:.3g} of {largest:.3g}"
