"""Cards and bases: the data inside the package is consistent, and `base` leads where it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ltxbuild.problem import ProjectError
from ltxbuild.project.base import find_base
from ltxbuild.project.card import BASES, card_names, named_card
from ltxbuild.project.names import prompt_fault
from ltxbuild.project.resolve import built_in, resolve
from ltxbuild.project.setting import check
from ltxbuild.project.settings import BY_KEY, MODES
from ltxbuild.project.types import TYPE_VALUES, TYPES

EVERY = [(name, kind, mode) for name in card_names() for kind in TYPES for mode in MODES]


def test_the_bases_of_the_package() -> None:
    assert card_names() == ["ltx-2.3", "tiny"]
    assert set(TYPE_VALUES) == set(TYPES)


@pytest.mark.parametrize(("name", "kind", "mode"), EVERY)
def test_built_in_values_pass_their_own_checks(name: str, kind: str, mode: str) -> None:
    card = named_card(name)
    values = built_in(card, kind, mode)
    assert set(values) == set(BY_KEY), "a card may hold declared settings only"
    for key, one in values.items():
        if one.value is not None:
            assert check(BY_KEY[key], one.value) is None, key
    assert all(
        one.value is not None
        for key, one in values.items()
        if key.startswith("train.") and key != "train.alpha"
    )
    prompts = values["evaluate.prompts"].value
    assert len(prompts) >= 8 and not any(prompt_fault(p) for p in prompts)


@pytest.mark.parametrize(("name", "kind", "mode"), EVERY)
def test_ladders_fit_grid_and_budget(name: str, kind: str, mode: str) -> None:
    card = named_card(name)
    settings = resolve(card, kind, [], problems := [])
    assert not problems
    shapes, frames = settings.get("bucket.shapes", mode), settings.get("bucket.frames", mode)
    budget = settings.get("bucket.budget", mode)
    assert all(card.fits_grid(*shape) for shape in shapes) and all(card.fits_frames(n) for n in frames)
    assert set(frames) <= set(card.defaults["bucket.frames"])
    for count in frames:
        fitting = [s for s in shapes if card.tokens(*s, count) <= budget]
        # Whatever the length, wide, tall and square clips each find a shape within a fifth of their aspect.
        for aspect in (1.5, 1.0, 1 / 1.5):
            assert any(0.8 < w / h / aspect < 1.25 for w, h in fitting), (count, aspect)
    assert all(any(card.tokens(*s, n) <= budget for n in frames if n > 1) for s in shapes), (
        "each shape is of use"
    )


@pytest.mark.parametrize("name", card_names())
def test_evaluation_size_is_on_the_grid(name: str) -> None:
    card = named_card(name)
    width, height, frames = card.evaluation_size
    assert card.fits_grid(width, height) and card.fits_frames(frames)
    assert card.smallest_bucket == min(n for n in card.defaults["bucket.frames"] if n > 1)
    json.dumps([card.sampler, card.lint_ranges, card.sigmas("fast")])


def test_sizes_of_the_guide() -> None:
    card = named_card("ltx-2.3")
    assert card.tokens(768, 512, 33) == 1920 and card.tokens(512, 320, 89) == 1920
    assert card.tokens(960, 544, 57) == 4080 and card.tokens(768, 512, 73) == 3840
    assert card.tokens(768, 512, 49) == 2688
    fast = built_in(card, "motion", "fast")
    assert (512, 320) in fast["bucket.shapes"].value and 89 in fast["bucket.frames"].value
    assert len(card.sigmas("fast") or []) == 8 and card.sigmas("quality") is None


def test_named_bases() -> None:
    tiny = find_base("tiny", Path("/p"), {})
    assert (tiny.kind, tiny.folder) == ("folder", BASES / "tiny")
    ltx = find_base("ltx-2.3", Path("/p"), {})
    assert (ltx.kind, ltx.repository, ltx.revision) == ("hub", "diffusers/LTX-2.3-Diffusers", "main")
    assert ltx.card.source.licence and ltx.card.source.gated
    other = find_base("somebody/LTX-tuned", Path("/p"), {})
    assert (other.kind, other.repository, other.card.name) == ("hub", "somebody/LTX-tuned", "ltx-2.3")


def test_folders(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "transformer").mkdir(parents=True)
    (folder / "model_index.json").write_text('{"_class_name": "LTX2Pipeline"}')
    (folder / "transformer" / "config.json").write_text('{"in_channels": 128}')
    for spec in ("model", "./model", str(folder)):
        base = find_base(spec, tmp_path, {})
        assert (base.kind, base.card.name) == ("folder", "ltx-2.3")
    (folder / "transformer" / "config.json").write_text('{"in_channels": 64}')
    assert _code("model", tmp_path) == "P212"
    (folder / "card.toml").write_text((BASES / "tiny.toml").read_text())
    assert find_base("model", tmp_path, {}).card.channels == 64


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("ltx-2-3", "P211"),
        ("", "P211"),
        (".", "P212"),
        ("./nothing", "P212"),
        ("~/nothing", "P212"),
        ("~nobody-here/nothing", "P212"),
        ("x.safetensors", "P212"),
        ("x.gguf", "P213"),
        ("a/b/c", "P211"),
        ("empty", "P212"),
        ("x" * 5000, "P211"),
        ("./" + "x" * 5000, "P212"),
        ("a\0b", "P211"),
    ],
)
def test_refused_bases(spec: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert _code(spec, tmp_path) == code


def _code(spec: str, root: Path) -> str:
    with pytest.raises(ProjectError) as caught:
        find_base(spec, root, {})
    return caught.value.problems[0].code
