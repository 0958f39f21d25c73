"""Two processes share each step and make the LoRA that one makes; both end together, whatever ends one of them."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from ltxbuild.job import Interrupted, StageError, decode_input, encode_input, write_json
from ltxbuild.model import tensor_file
from ltxbuild.model.ranks import Ranks
from ltxbuild.stages import crew, train
from ltxbuild.stages.membership import key_of
from tests.fake_job import FakeJob, as_file
from tests.model.parts import make_transformer, member_files
from tests.model.test_train import PARAMS

# Two processes add in another order than one; the largest difference is relative to the largest weight.
TOLERANCE = 1e-5
SHARED: dict[str, Any] = {
    **PARAMS,
    "batch": 3,
    "accumulate": 2,
    "last": 3,
    "caption_dropout": 0.3,
    "learning_rate": 1e-3,
}


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A base on the disk, as the further process has to open its own."""
    root = tmp_path_factory.mktemp("crew")
    make_transformer().save_pretrained(root / "base" / "transformer")
    bag = [member_files(root / f"m{i}", i, windows=1 + i % 2) for i in range(3)]
    clips: Any = [
        {"key": key_of(f), "train": list(range(1 + i % 2)), "repeats": 1} for i, f in enumerate(bag)
    ]
    write_json(root / "dataset.json", {"clips": sorted(clips, key=lambda clip: str(clip["key"]))})
    inputs = {
        "dataset": as_file(root / "dataset.json"),
        "clips": bag,
        "previous": None,
        "empty": bag[0]["plain"],
        "transformer": None,
    }
    return {"inputs": inputs, "context": {"base": str(root / "base"), "device": "cpu", "checkpointing": True}}


def job(
    root: Path, material: dict[str, Any], gpus: int, stop_after: int | None = None, **params: Any
) -> FakeJob:
    context = {**material["context"], "gpus": gpus}
    return FakeJob(root, {**SHARED, **params}, material["inputs"], context, stop_after=stop_after)


def adapter(made: FakeJob) -> dict[str, torch.Tensor]:
    return tensor_file.load(made.out / "adapter.safetensors")[0]


def test_two_processes_make_what_one_makes(tmp_path: Path, material: dict[str, Any]) -> None:
    one, two = job(tmp_path / "one", material, 1), job(tmp_path / "two", material, 2)
    train.run(one)
    train.run(two)
    ours, theirs = adapter(one), adapter(two)
    largest = max(float(t.abs().max()) for t in ours.values())
    differences = [float((t - theirs[name]).abs().max()) for name, t in ours.items()]
    assert max(differences) < TOLERANCE * largest
    alone, shared = one.json("log.json"), two.json("log.json")
    assert [row[0] for row in alone["steps"]] == [row[0] for row in shared["steps"]] == [1, 2, 3]
    for row, other in zip(alone["steps"], shared["steps"], strict=True):
        assert row == pytest.approx(other, rel=1e-5)
    assert alone["per_clip"].keys() == shared["per_clip"].keys()


@pytest.mark.slow
def test_two_processes_go_on_where_they_were_interrupted(tmp_path: Path, material: dict[str, Any]) -> None:
    whole, cut = job(tmp_path / "whole", material, 2), job(tmp_path / "cut", material, 2, stop_after=1)
    train.run(whole)
    with pytest.raises(Interrupted):
        train.run(cut)
    assert not (cut.out / "adapter.safetensors").exists()
    train.run(job(tmp_path / "cut", material, 2))
    assert all(torch.equal(t, adapter(cut)[name]) for name, t in adapter(whole).items())


@pytest.mark.slow
def test_when_the_other_process_dies_it_is_said(
    tmp_path: Path, material: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = crew._start

    def watched(*arguments: Any) -> subprocess.Popen[bytes]:
        started.append(start(*arguments))
        return started[-1]

    monkeypatch.setattr(crew, "_start", watched)
    made = job(tmp_path, material, 2, last=10_000)

    def kill(done: float, *_: Any, **__: Any) -> None:
        if done == 2:
            os.kill(started[0].pid, signal.SIGKILL)

    monkeypatch.setattr(made, "progress", kill)
    with pytest.raises(StageError, match="one of the 2 training processes ended"):
        train.run(made)
    assert started[0].poll() is not None


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_each_sample_of_a_step_is_taken_once(world: int) -> None:
    parts, batch = 2, 3
    taken = sorted(
        (part, row)
        for rank in range(world)
        for part in range(parts)
        for row in Ranks(rank, world).rows(part, batch)
    )
    assert taken == [(part, row) for part in range(parts) for row in range(batch)]
    assert all(any(Ranks(rank, world).rows(part, batch) for part in range(parts)) for rank in range(world))


def test_there_are_never_more_processes_than_samples(tmp_path: Path, material: dict[str, Any]) -> None:
    with crew.crew(job(tmp_path, material, 8), 1) as ranks:
        assert ranks == Ranks(0, 1)


def test_inputs_reach_another_process_as_they_are(material: dict[str, Any]) -> None:
    inputs = {**material["inputs"], "value": 2.5, "none": None}
    assert {name: decode_input(encode_input(node)) for name, node in inputs.items()} == inputs
