"""Each setting declares where a change of it begins: exactly there, and nothing runs whose inputs did not change."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltxbuild.job import JsonDict
from ltxbuild.project.project import load
from ltxbuild.project.setting import Setting
from ltxbuild.project.settings import SETTINGS
from ltxbuild.recipe import make_graph
from tests.recipe.changes import CHANGES
from tests.recipe.prints import State, folder, state


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("affect") / "p")


@pytest.fixture(scope="module")
def before(root: Path) -> dict[str | None, State]:
    return {mode: state(root, (), mode) for mode in (None, "quality")}


def test_every_setting_is_changed() -> None:
    declared = {setting.key for setting in SETTINGS}
    assert set(CHANGES) == declared, "tests/recipe/changes.py holds a change of each setting"
    for key, changes in CHANGES.items():
        given = {change.override.partition("=")[0].replace(".quality.", ".") for change in changes}
        assert given == {key}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.key)
def test_a_change_begins_where_it_is_declared(
    setting: Setting, root: Path, before: dict[str | None, State]
) -> None:
    found: set[str] = set()
    for change in CHANGES[setting.key]:
        beside = change.beside
        earlier = state(root, beside, change.mode) if beside else before[change.mode]
        after = state(root, [*beside, change.override], change.mode)
        stages = after.stages(after.first(earlier))
        assert bool(stages) == bool(setting.affects), f"{change} changes {stages or 'nothing'}"
        found |= stages
    assert found == set(setting.affects)


@pytest.mark.parametrize("key", [s.key for s in SETTINGS if not s.affects])
def test_a_machines_own_settings_change_nothing(
    key: str, root: Path, before: dict[str | None, State]
) -> None:
    for change in CHANGES[key]:
        assert state(root, [change.override], change.mode).prints == before[change.mode].prints


def test_facts_of_the_machine_are_in_no_fingerprint(root: Path, before: dict[str | None, State]) -> None:
    facts: JsonDict = {"base": "/elsewhere", "device": "cuda", "checkpointing": True}
    graph = make_graph(load(root), facts)
    contexts = [action.context for action in graph.actions.values() if action.worker == "model"]
    assert contexts and all(context == facts for context in contexts)
    assert state(root, machine=facts).prints == before[None].prints


@pytest.mark.parametrize(
    "override",
    ["train.rank=8", "memory.precision=bf16", "evaluate.weights=[0.6, 0.85, 1.1]", "bucket.budget=2048"],
)
def test_a_default_written_down_concerns_the_report_alone(
    override: str, root: Path, before: dict[str | None, State]
) -> None:
    after = state(root, [override])
    assert after.stages(after.moved(before[None])) == {"report"}, "it shows where a value comes from"


def test_frames_that_nothing_gives_retrain_nothing(root: Path, before: dict[str | None, State]) -> None:
    after = state(root, ["train.context=2"])
    assert after.stages(after.moved(before[None])) == {"report"}


def test_a_name_retrains_nothing(root: Path, before: dict[str | None, State]) -> None:
    for mode in (None, "quality"):
        after = state(root, ["name=other"], mode)
        assert after.stages(after.moved(before[mode])) == {"export", "recommend", "report"}


def test_the_class_word_retrains_only_who_sees_it(root: Path) -> None:
    for prior, retrained in (("0", False), ("0.15", True)):
        given = [f"train.prior={prior}"]
        after = state(root, [*given, "class=girl"], "quality")
        stages = after.stages(after.new(state(root, given, "quality")))
        assert stages >= {"text", "lint_clip", "loss", "evaluate"}
        assert ("train" in stages) == ("select" in stages) == retrained
        assert "dataset" not in stages and "latents" not in stages


def test_lint_settings_retrain_nothing(root: Path, before: dict[str | None, State]) -> None:
    for key in ("lint.select", "lint.ignore", "lint.severity"):
        for change in CHANGES[key]:
            after = state(root, [change.override], change.mode)
            assert after.stages(after.moved(before[change.mode])) == {"lint", "lint_tokens", "report"}


def test_more_steps_keep_what_was_trained(root: Path, before: dict[str | None, State]) -> None:
    after = state(root, ["train.steps=800"])
    kept = {name for name in after.prints if name.startswith("train:")} - after.new(before[None])
    assert kept == {f"train:fast:{step:04d}" for step in range(50, 501, 50)}


@pytest.mark.parametrize(
    ("part", "stages"),
    [
        ("vae", {"latents", "decode"}),
        ("text_encoder", {"text"}),
        ("tokenizer", {"lint_tokens"}),
        ("transformer", {"train", "loss", "sample"}),
    ],
)
def test_each_part_of_the_base_concerns_those_who_use_it(
    part: str, stages: set[str], root: Path, before: dict[str | None, State]
) -> None:
    for mode in (None, "quality"):
        after = state(root, (), mode, other=[part])
        assert after.stages(after.first(before[mode])) == stages
