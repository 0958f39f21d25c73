"""Pre-training of the tiny base: however many processes share a step, it is the same step, and it can be resumed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ltxbuild.model.flow import Size

TOOLS = Path(__file__).parents[2] / "tools" / "tiny_base"
STEPS = 8


@pytest.fixture(scope="module")
def recipe() -> Iterator[Any]:
    """The recipe's modules; they are scripts and import each other by name."""
    sys.path.insert(0, str(TOOLS))
    before = set(sys.modules)
    try:
        import pretrain  # type: ignore[import-not-found]

        yield pretrain
    finally:
        sys.path.remove(str(TOOLS))
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", None) and str(TOOLS) in str(sys.modules[name].__file__):
                del sys.modules[name]


@pytest.fixture(scope="module")
def kinds(recipe: Any) -> dict[int, Any]:
    dice = torch.Generator().manual_seed(0)

    def material(frames: int) -> Any:
        size = Size(frames, 4, 4)
        latents = torch.randn(12, size.tokens, 64, generator=dice).half()
        states = torch.randn(13, recipe.SHORT, 64, 3, generator=dice).half()
        mask = (torch.arange(recipe.SHORT)[None] >= torch.arange(13)[:, None]).long()
        return recipe.Material(latents, states, mask, size)

    return {1: material(1), 9: material(3)}


@pytest.fixture
def trainer(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    architecture = __import__("architecture")
    for name, value in {"WIDTH": 48, "HEADS": 2, "LAYERS": 1, "AUDIO_WIDTH": 8}.items():
        monkeypatch.setattr(architecture, name, value)
    monkeypatch.setattr(recipe, "IMAGE_BATCH", 2)
    monkeypatch.setattr(recipe, "CLIP_BATCH", 1)

    def make() -> Any:
        torch.manual_seed(0)
        parts = {"transformer": architecture.transformer(), "connectors": architecture.connectors()}
        return recipe.Trainer(parts, torch.device("cpu"))

    return make


def weights(trainer: Any) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in trainer.named.items()}


def test_a_step_is_the_same_for_any_number_of_processes(recipe: Any, kinds: Any, trainer: Any) -> None:
    whole, shared = trainer(), trainer()
    recipe.shards(whole, kinds[9], 0, range(recipe.SHARDS), STEPS, 0)
    for rank in range(2):
        recipe.shards(shared, kinds[9], 0, range(rank, recipe.SHARDS, 2), STEPS, 0)
    for name, parameter in whole.named.items():
        torch.testing.assert_close(shared.named[name].grad, parameter.grad, msg=name)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    recipe: Any, kinds: Any, trainer: Any, tmp_path: Path
) -> None:
    def run(made: Any, to: int, state: Path) -> Any:
        for step in range(made.step, to):
            frames = recipe.frames_of(step, 2)
            recipe.shards(made, kinds[frames], step, range(recipe.SHARDS), STEPS, 0)
            made.update(recipe.rate(step, STEPS))
        made.save(state)
        return made

    straight = run(trainer(), STEPS, tmp_path / "straight")
    run(trainer(), 3, tmp_path / "half")
    resumed = trainer()
    resumed.load(tmp_path / "half")
    assert resumed.step == 3
    run(resumed, STEPS, tmp_path / "rest")
    assert all(
        torch.equal(a, b) for a, b in zip(weights(straight).values(), weights(resumed).values(), strict=True)
    )
    straight.swap_average()
    resumed.swap_average()
    assert all(
        torch.equal(a, b) for a, b in zip(weights(straight).values(), weights(resumed).values(), strict=True)
    )
