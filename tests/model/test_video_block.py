"""The block without an audio half: the bits of diffusers' whole one, in fewer calls."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ltxbuild.model.flow import Size, velocity
from ltxbuild.model.weights import AUDIO_HALF, put, skeleton
from tests.model.parts import TRANSFORMER, make_transformer

SIZE = Size(2, 4, 4)


class Calls(TorchDispatchMode):
    """Counts what is computed while it lasts."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def halves(dtype: torch.dtype) -> tuple[Any, Any]:
    """A whole transformer, and one with its weights but for the audio half."""
    whole = make_transformer().to(dtype)
    alone, shapes = skeleton(type(whole), TRANSFORMER, "cpu", False, "", 0)
    weights = whole.state_dict()
    assert not [name for name in shapes if any(f".{part}." in name for part in AUDIO_HALF)]
    for name in shapes:
        put(alone, name, weights[name])
    return whole, alone.requires_grad_(False).eval()


def inputs(dtype: torch.dtype) -> dict[str, Any]:
    dice = torch.Generator().manual_seed(0)
    width = int(TRANSFORMER["cross_attention_dim"])
    return {
        "tokens": torch.randn(2, SIZE.tokens, int(TRANSFORMER["in_channels"]), generator=dice),
        "sigma": torch.tensor([0.3, 0.8]),
        "text": torch.randn(2, 6, width, generator=dice).to(dtype),
        "size": SIZE,
        "fps": 24.0,
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("conditioned", [False, True])
def test_velocity_and_gradient_are_bit_for_bit_those_of_the_whole(
    dtype: torch.dtype, checkpointing: bool, conditioned: bool
) -> None:
    made = []
    for model in halves(dtype):
        if checkpointing:
            model.enable_gradient_checkpointing()
            model.train()
        given = inputs(dtype)
        tokens = given.pop("tokens").requires_grad_()
        known = (torch.arange(SIZE.tokens) < 4).float().expand(2, -1) if conditioned else None
        seen = velocity(model, tokens, given=known, **given)
        made.append((seen.detach(), *torch.autograd.grad(seen.square().sum(), tokens)))
    assert made[0][0].abs().max() > 0 and made[0][1].abs().max() > 0
    for one, other in zip(*made, strict=True):
        assert torch.equal(one, other)


def test_it_computes_nothing_for_a_sound_that_is_not_there() -> None:
    counts = []
    for model in halves(torch.float32):
        with torch.no_grad(), Calls() as calls:
            velocity(model, **inputs(torch.float32))
        counts.append(calls.count)
    assert counts[1] < 0.75 * counts[0]


def test_it_refuses_sound() -> None:
    block = halves(torch.float32)[1].transformer_blocks[0]
    with pytest.raises(AssertionError, match="given sound"):
        block(None, None, None, None, None, None, None, None, None, None, use_a2v_cross_attention=True)
