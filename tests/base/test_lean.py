"""The pre-training's own forward is the real classes' forward."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from diffusers import AutoencoderKLLTX2Video, LTX2VideoTransformer3DModel
from diffusers.pipelines.ltx2 import LTX2TextConnectors

from ltxbuild.project.card import BASES

TOOLS = Path(__file__).parents[2] / "tools" / "tiny_base"


def tool(name: str) -> ModuleType:
    """A module of the recipe, which is no package."""
    spec = importlib.util.spec_from_file_location(f"tiny_base_{name}", TOOLS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("length", [32, 64])
def test_the_lean_forward_is_that_of_the_classes(length: int) -> None:
    parts = {
        "transformer": LTX2VideoTransformer3DModel.from_pretrained(BASES / "tiny" / "transformer").float(),
        "connectors": LTX2TextConnectors.from_pretrained(BASES / "tiny" / "connectors").float(),
    }
    assert tool("lean").difference(parts, length) < 1e-5


def test_the_video_vae_is_the_projection_that_its_weights_hold() -> None:
    vae = AutoencoderKLLTX2Video.from_pretrained(BASES / "tiny" / "vae").float().eval()
    projection = tool("vae").read(vae)
    clips = torch.rand(2, 3, 9, 32, 32, generator=torch.Generator().manual_seed(0)) - 0.5
    with torch.no_grad():
        made = vae.encode(clips).latent_dist.mode()
    torch.testing.assert_close(projection.encode(clips), made, atol=0.05, rtol=0.05)
