"""The samples of the evaluation: called as the judge calls them, every seed in use, the least that lint asks of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.engine.action import Action
from ltxbuild.project.project import load
from ltxbuild.recipe import make_graph
from ltxbuild.recipe.arms import Arm, arms
from ltxbuild.recipe.scope import Scope
from ltxbuild.stages.judge.evidence import sample_id
from tests.recipe.prints import folder


def made(root: Path, *overrides: str) -> list[Arm]:
    return list(arms(Scope.of(load(folder(root), overrides), {}), "fast"))


def actions(root: Path, *overrides: str, mode: str | None = None) -> Mapping[str, Action]:
    return make_graph(load(folder(root), overrides, mode)).actions


def test_names_are_the_judges(tmp_path: Path) -> None:
    found = made(tmp_path, "evaluate.weights=[0.6, 1.0, 2]")
    names = {arm.id for arm in found if arm.id.startswith("p")}
    expected = {
        sample_id(prompt, *arm)
        for prompt in range(8)
        for arm in (
            *(("base", text, 0.0) for text in ("trigger", "plain")),
            *(("lora", text, 0.85) for text in ("trigger", "plain")),
            *(("lora", "trigger", weight) for weight in (0.6, 1.0, 2.0)),
        )
    }
    assert names == expected
    assert len(found) == len({arm.id for arm in found}) == len(expected) + 4, "and one a training caption"


@pytest.mark.parametrize("seeds", [(1,), (1, 2), (5, 9, 70)])
def test_every_seed_is_used_and_no_two_prompts_share_one(seeds: tuple[int, ...], tmp_path: Path) -> None:
    found = made(tmp_path, f"evaluate.seeds={list(seeds)}")
    by_prompt: dict[str, set[int]] = {}
    for arm in found:
        by_prompt.setdefault(arm.id.split(".")[0], set()).add(arm.seed)
    assert all(len(own) == 1 for own in by_prompt.values()), "arms of one prompt differ in nothing else"
    prompts = [own.pop() for name, own in by_prompt.items() if name.startswith("p")]
    assert prompts[: len(seeds)] == list(seeds)
    assert len(set(prompts)) == len(prompts) == 8


def test_lint_asks_for_a_length_that_every_mode_has(tmp_path: Path) -> None:
    def smallest(*overrides: str, mode: str | None = None) -> Any:
        return actions(tmp_path, *overrides, mode=mode)["lint:mira_01"].params["smallest"]

    assert smallest() == {"frames": 33, "width": 768, "height": 512}
    assert smallest("bucket.frames=[1, 25, 33]")["frames"] == 25
    wide = smallest("bucket.shapes=[[512, 320], [640, 640]]", "bucket.frames=[17, 41]", mode="quality")
    assert wide == {"frames": 17, "width": 512, "height": 320}
