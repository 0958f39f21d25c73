"""Previews on the way of a quality training: when, of what, and that they are made before training goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltxbuild.engine.action import Ref
from ltxbuild.project.project import load
from ltxbuild.recipe import make_graph
from ltxbuild.recipe.glimpses import due
from tests.recipe.prints import folder


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ([100, 200, 300, 400, 500, 600], [300, 500]),
        ([500, 1000, 1500], [500, 1000]),
        ([250, 500], [250]),
        ([50, 100], []),
        ([1000], []),
    ],
)
def test_there_is_one_in_each_250_steps_but_none_at_the_end(ends: list[int], wanted: list[int]) -> None:
    assert due(ends) == wanted


def test_quality_looks_at_two_prompts_and_fast_at_none(tmp_path: Path) -> None:
    graph = make_graph(load(folder(tmp_path), ["train.quality.steps=1000"], "quality"))
    made = [name for name in graph.actions if name.startswith("glimpse:")]
    assert made == [f"glimpse:quality:{step:04d}.p{prompt}" for step in (300, 500, 800) for prompt in (0, 1)]
    paths = {item.path for item in graph.deliverables}
    assert {f"samples/on-the-way/{name.rsplit(':', 1)[1]}.mp4" for name in made} <= paths
    assert not any(name.startswith("glimpse:") for name in make_graph(load(folder(tmp_path))).actions)


def test_they_come_before_the_next_segment_and_no_training_waits_for_them(tmp_path: Path) -> None:
    graph = make_graph(load(folder(tmp_path), ["train.quality.steps=1000"], "quality"))
    rank = graph.rank
    assert rank["train:quality:0300"] < rank["glimpse:quality:0300.p1"] < rank["train:quality:0400"]
    assert rank["tail:quality:0900"] > rank["glimpse:quality:0800.p1"]
    needed = graph.closure(["export:quality"])
    assert not any(name.startswith("glimpse:") for name in needed)


def test_one_is_the_sample_that_the_evaluation_makes_of_what_was_learnt_so_far(tmp_path: Path) -> None:
    actions = make_graph(load(folder(tmp_path), ["train.quality.steps=1000"], "quality")).actions
    early, late = actions["glimpse:quality:0300.p0"], actions["sample:quality:p0.lora.trigger.0.85"]
    assert early.params == late.params
    differing = {name for name in late.inputs if early.inputs[name] != late.inputs[name]}
    assert differing == {"adapter"}
    assert early.inputs["adapter"] == Ref("train:quality:0300", "adapter.safetensors")
