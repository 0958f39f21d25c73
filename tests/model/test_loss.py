"""Loss on fixed items: what is fixed, and what may differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ltxbuild.job import read_json, write_json
from ltxbuild.model.sigmas import quantile
from ltxbuild.stages import loss
from ltxbuild.stages.membership import key_of
from tests.fake_job import FakeJob, as_file
from tests.model.parts import install, make_transformer, member_files
from tests.model.test_export import adapter_file

PARAMS: dict[str, Any] = {
    "text": "text",
    "weights": [0.0, 0.5, 1.0],
    "quantiles": [0.1, 0.5, 0.9],
    "noises": 2,
    "precision": "fp32",
}


@pytest.fixture
def bag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    install(monkeypatch, transformer=make_transformer())
    return [member_files(tmp_path / f"m{i}", i, windows=2) for i in range(3)]


def run(root: Path, items: list[dict[str, Any]], adapter: Any, dataset: Any = None, **params: Any) -> Any:
    inputs = {"items": items, "adapter": adapter, "dataset": dataset, "transformer": None}
    job = FakeJob(root, {**PARAMS, **params}, inputs, {"base": "/base", "device": "cpu"})
    loss.run(job)
    return read_json(job.out / "loss.json")


def test_items_are_complete_and_the_same_each_time(tmp_path: Path, bag: list[dict[str, Any]]) -> None:
    adapter = adapter_file(tmp_path / "adapter")
    found = run(tmp_path / "a", bag, adapter)
    assert found == run(tmp_path / "b", bag[::-1], adapter)
    assert found["step"] == 8 and len(found["items"]) == 3 * 2 * 3 * 2
    assert {item["sigma"] for item in found["items"]} == {quantile(q, 12) for q in (0.1, 0.5, 0.9)}
    assert all(set(item["loss"]) == {"0", "0.5", "1"} for item in found["items"])


def test_weight_zero_is_the_base(tmp_path: Path, bag: list[dict[str, Any]]) -> None:
    with_adapter = run(tmp_path / "a", bag, adapter_file(tmp_path / "adapter"))
    base = run(tmp_path / "b", bag, None, weights=[0.0])
    assert base["step"] is None
    for one, other in zip(with_adapter["items"], base["items"], strict=True):
        assert one["loss"]["0"] == other["loss"]["0"] != one["loss"]["1"]


def test_another_clip_changes_no_item(tmp_path: Path, bag: list[dict[str, Any]]) -> None:
    few = run(tmp_path / "a", bag[:1], None, weights=[0.0])["items"]
    many = run(tmp_path / "b", bag, None, weights=[0.0])["items"]
    assert few == [item for item in many if item["key"] == few[0]["key"]]


def test_a_dataset_names_what_is_measured(tmp_path: Path, bag: list[dict[str, Any]]) -> None:
    clips = [{"key": key_of(f), "measure": [1] if i == 1 else []} for i, f in enumerate(bag)]
    write_json(tmp_path / "dataset.json", {"clips": clips})  # type: ignore[dict-item]
    found = run(tmp_path / "a", bag, None, as_file(tmp_path / "dataset.json"), weights=[0.0])["items"]
    assert {(item["key"], item["window"]) for item in found} == {(key_of(bag[1]), 1)}
    plain = run(tmp_path / "b", bag, None, as_file(tmp_path / "dataset.json"), weights=[0.0], text="plain")[
        "items"
    ]
    assert [i["loss"] for i in plain] != [i["loss"] for i in found]
