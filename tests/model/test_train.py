"""The chain of segments: cut anywhere, the same bytes; and what a step does to the weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from ltxbuild.job import Interrupted, StageError, read_json, write_json
from ltxbuild.model import residence, tensor_file
from ltxbuild.model.device import Place
from ltxbuild.model.lora import Spec, attached
from ltxbuild.stages import export, train
from ltxbuild.stages.membership import key_of
from tests.fake_job import FakeJob, as_file
from tests.model.parts import FakeBase, install, make_transformer, member_files

PARAMS: dict[str, Any] = {
    "first": 0,
    "last": 8,
    "rank": 4,
    "alpha": 11.3137085,
    "learning_rate": 1e-2,
    "batch": 3,
    "seed": 5,
    "warmup": 4,
    "decay": None,
    "targets": "attention+ff",
    "first_frame": 0.4,
    "prior": 0.3,
    "weight_decay": 0.01,
    "clip_norm": 1.0,
    "sigmas": None,
    "precision": "fp32",
}
OUTPUTS = ("adapter.safetensors", "optimizer.safetensors", "log.json")


SHAPES = ((3, 2, 2), (3, 2, 3), (1, 2, 2))
"""Latent frames, rows and columns of two clips in different buckets and of a still."""


@pytest.fixture
def material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return made(tmp_path, monkeypatch, [SHAPES[0]] * 3)


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return made(tmp_path, monkeypatch, SHAPES)


def made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shapes: Sequence[tuple[int, int, int]]
) -> dict[str, Any]:
    bag = [
        member_files(tmp_path / f"m{i}", i, windows=1 + i % 2, size=shape) for i, shape in enumerate(shapes)
    ]
    clips = [
        {"key": key_of(f), "train": list(range(1 + i % 2)), "repeats": 1, "measure": []}
        for i, f in enumerate(bag)
    ]
    write_json(tmp_path / "dataset.json", {"clips": sorted(clips, key=lambda c: str(c["key"]))})  # type: ignore[dict-item]
    context = install(monkeypatch, transformer=make_transformer())
    inputs = {
        "dataset": as_file(tmp_path / "dataset.json"),
        "clips": bag,
        "previous": None,
        "transformer": None,
    }
    return {"inputs": inputs, "context": context}


def segment(
    root: Path, material: dict[str, Any], previous: Path | None = None, stop: int | None = None, **params: Any
) -> Path:
    inputs = dict(material["inputs"])
    if previous is not None:
        inputs["previous"] = {n: as_file(previous / f"{n}.safetensors") for n in ("adapter", "optimizer")}
    context = {**material["context"], **{k: params.pop(k) for k in ("checkpointing",) if k in params}}
    job = FakeJob(root, {**PARAMS, **params}, inputs, context, stop_after=stop)
    train.run(job)
    return job.out


def same(a: Path, b: Path, names: tuple[str, ...] = OUTPUTS) -> bool:
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in names)


def test_a_chain_of_segments_is_one_long_run(tmp_path: Path, material: dict[str, Any]) -> None:
    whole = segment(tmp_path / "whole", material)
    first = segment(tmp_path / "first", material, last=3)
    second = segment(tmp_path / "second", material, first, first=3)
    assert same(whole, second, OUTPUTS[:2])
    steps = [read_json(p / "log.json")["steps"] for p in (whole, first, second)]
    assert steps[0] == steps[1] + steps[2] and len(steps[0]) == 8


def test_clips_of_several_shapes_and_stills_train_together(tmp_path: Path, mixed: dict[str, Any]) -> None:
    whole = segment(tmp_path / "whole", mixed, prior=0.0)
    first = segment(tmp_path / "first", mixed, last=3, prior=0.0)
    assert same(whole, segment(tmp_path / "second", mixed, first, first=3, prior=0.0), OUTPUTS[:2])
    log = read_json(whole / "log.json")
    seen = {key: count for key, (_, count) in log["per_clip"].items()}
    assert sum(seen.values()) == 8 * PARAMS["batch"] and len(seen) == len(SHAPES) and log["skipped"] == 0
    with pytest.raises(Interrupted):
        segment(tmp_path / "cut", mixed, prior=0.0, stop=5)
    assert same(whole, segment(tmp_path / "cut", mixed, prior=0.0))


def test_an_interrupted_segment_ends_with_the_same_bytes(tmp_path: Path, material: dict[str, Any]) -> None:
    whole = segment(tmp_path / "whole", material)
    with pytest.raises(Interrupted):
        segment(tmp_path / "cut", material, stop=5)
    assert not list((tmp_path / "cut" / "out").iterdir())
    assert same(whole, segment(tmp_path / "cut", material))


def test_a_killed_segment_goes_on_from_what_was_kept(
    tmp_path: Path, material: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = segment(tmp_path / "whole", material)
    monkeypatch.setattr(train, "KEEP_EVERY", 0.0)

    class Killed(BaseException):
        pass

    def kill(self: FakeJob, done: float, *_: object, **__: object) -> None:
        if done == 6:
            raise Killed

    monkeypatch.setattr(FakeJob, "progress", kill)
    with pytest.raises(Killed):
        segment(tmp_path / "killed", material)
    assert tensor_file.load(tmp_path / "killed" / "partial" / "state.safetensors")[1]["step"] == "5"
    monkeypatch.undo()
    install(pytest.MonkeyPatch(), transformer=make_transformer())
    assert same(whole, segment(tmp_path / "killed", material))


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_ten_random_steps_in_a_row_the_bytes_are_the_unbroken_runs(
    tmp_path: Path, material: dict[str, Any], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Each run starts from what the last one kept, which may lie some steps before its end."""
    options = {"last": 24, "caption_dropout": 0.2, "accumulate": 2, "last_frame": 0.3}
    material["inputs"]["empty"] = material["inputs"]["clips"][0]["plain"]
    whole = segment(tmp_path / "whole", material, **options)

    class Killed(BaseException):
        pass

    dice, progress = Random(seed), FakeJob.progress
    for at in sorted(dice.sample(range(1, 25), 10)):

        def kill(self: FakeJob, done: float, *rest: Any, stop: int = at, **more: Any) -> None:
            progress(self, done, *rest, **more)
            # What is kept in a run: every step's state, or none but the last three's.
            train.KEEP_EVERY = 0.0 if seed == 1 or done > stop - 3 else 1e9
            if done >= stop:
                raise Killed

        monkeypatch.setattr(train, "KEEP_EVERY", 0.0)
        monkeypatch.setattr(FakeJob, "progress", kill)
        with pytest.raises(Killed):
            segment(tmp_path / "killed", material, **options)
    monkeypatch.setattr(FakeJob, "progress", progress)
    assert int(tensor_file.load(tmp_path / "killed" / "partial" / "state.safetensors")[1]["step"]) >= 9
    assert same(whole, segment(tmp_path / "killed", material, **options))


def test_checkpointing_changes_nothing(tmp_path: Path, material: dict[str, Any]) -> None:
    plain = segment(tmp_path / "plain", material, last=3)
    assert same(plain, segment(tmp_path / "checkpointed", material, last=3, checkpointing=True))


def test_training_learns_and_only_the_video_half_gets_layers(
    tmp_path: Path, material: dict[str, Any]
) -> None:
    out = segment(tmp_path / "a", material, last=40, prior=0.0, first_frame=0.0)
    log = read_json(out / "log.json")
    losses = [step[1] for step in log["steps"]]
    assert sum(losses[-8:]) < sum(losses[:8])
    assert log["skipped"] == 0 and sum(n for _, n in log["per_clip"].values()) == 40 * 3
    tensors, metadata = tensor_file.load(out / "adapter.safetensors")
    assert len(tensors) == 2 * 10 * 2  # two layers, ten modules, A and B
    assert not any("audio" in name for name in tensors)
    assert all(t.dtype == torch.float32 for t in tensors.values())
    assert metadata["rank"] == "4" and metadata["step"] == "40"


def test_the_rate_warms_up_holds_and_decays(tmp_path: Path, material: dict[str, Any]) -> None:
    out = segment(tmp_path / "a", material, decay={"start": 6, "length": 2, "to": 0.1})
    rates = [step[2] for step in read_json(out / "log.json")["steps"]]
    wanted = [0.25, 0.5, 0.75, 1, 1, 1, 0.55, 0.1]
    assert rates == pytest.approx([1e-2 * w for w in wanted])


def test_the_base_is_the_same_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, material: dict[str, Any]
) -> None:
    transformer = make_transformer()
    before = {name: p.clone() for name, p in transformer.named_parameters()}
    install(monkeypatch, transformer=transformer)
    segment(tmp_path / "a", material, last=2)
    after = dict(transformer.named_parameters())
    assert before.keys() == after.keys() and all(torch.equal(before[n], after[n]) for n in before)


def test_a_new_adapter_changes_nothing_and_depends_on_the_seed_alone() -> None:
    from ltxbuild.model.flow import velocity
    from tests.model.parts import CHANNELS, LENGTH, WIDTH
    from tests.model.test_flow import SIZE, random

    transformer = make_transformer()
    arguments = (random(1, SIZE.tokens, CHANNELS), torch.tensor([0.5]), random(1, LENGTH, WIDTH), SIZE, 24.0)
    with torch.no_grad():
        plain = velocity(transformer, *arguments)
        states = []
        for targets in ("attention", "attention+ff"):
            with attached(transformer, Spec(4, 4, targets)) as adapter:
                adapter.start(3)
                assert torch.equal(velocity(transformer, *arguments), plain)
                states.append(adapter.tensors())
                for name, parameter in adapter.parameters().items():
                    parameter.fill_(0.1) if ".lora_B." in name else None
                moved = velocity(transformer, *arguments)
                assert not torch.allclose(moved, plain, atol=1e-3)
                with adapter.off():
                    assert torch.equal(velocity(transformer, *arguments), plain)
                with adapter.weighted(0.5):
                    assert not torch.allclose(velocity(transformer, *arguments), moved, atol=1e-4)
                assert torch.equal(velocity(transformer, *arguments), moved)
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_prior_step_is_no_step_for_an_adapter_that_does_nothing(
    tmp_path: Path, material: dict[str, Any]
) -> None:
    out = segment(tmp_path / "a", material, last=2, prior=1.0, weight_decay=0.0)
    log = read_json(out / "log.json")
    assert all(step[1] == 0 for step in log["steps"]) and log["per_clip"] == {}


def test_training_that_is_not_finite_gives_up_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, material: dict[str, Any]
) -> None:
    transformer = make_transformer()
    with torch.no_grad():
        transformer.proj_out.bias.fill_(float("nan"))
    install(monkeypatch, transformer=transformer)
    with pytest.raises(StageError, match="diverged"):
        segment(tmp_path / "a", material, last=20)
    assert len(read_json(Path(segment(tmp_path / "b", material, last=4)) / "log.json")["steps"]) == 0


def test_a_base_in_bf16_trains_and_exports_an_adapter_in_fp32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, material: dict[str, Any]
) -> None:
    transformer = make_transformer().to(torch.bfloat16)
    monkeypatch.setattr(
        residence, "_open", {Place(Path("/base"), "cpu", "bf16"): FakeBase(transformer=transformer)}
    )
    for files in material["inputs"]["clips"]:
        for name in ("text", "plain"):
            tensors, metadata = tensor_file.load(files[name].path)
            tensor_file.save(files[name].path, {n: t.bfloat16() for n, t in tensors.items()}, metadata)
    out = segment(tmp_path / "a", material, last=4, precision="bf16")
    tensors, _ = tensor_file.load(out / "adapter.safetensors")
    assert {t.dtype for t in tensors.values()} == {torch.float32}
    inputs = {"adapter": as_file(out / "adapter.safetensors"), "transformer": None}
    job = FakeJob(
        tmp_path / "b", {"name": "x", "precision": "bf16", "dtype": "bf16"}, inputs, material["context"]
    )
    export.run(job)
    assert read_json(job.out / "export.json")["tensors"] == len(tensors)


def test_a_dropped_caption_is_the_empty_prompt(tmp_path: Path, material: dict[str, Any]) -> None:
    """With every clip's features equal to the empty prompt's, dropping captions changes nothing; else it does."""
    plain = segment(tmp_path / "plain", material, prior=0.0)
    with pytest.raises(StageError, match="empty prompt"):
        segment(tmp_path / "without", material, prior=0.0, caption_dropout=0.5)
    tensors, _ = tensor_file.load(material["inputs"]["clips"][0]["text"].path)
    tensor_file.save(tmp_path / "empty", tensors)
    material["inputs"]["empty"] = as_file(tmp_path / "empty")
    dropped = segment(tmp_path / "dropped", material, prior=0.0, caption_dropout=0.5)
    assert not same(plain, dropped, OUTPUTS[:1])
    for files in material["inputs"]["clips"]:
        tensor_file.save(files["text"].path, tensors)
    alike = [segment(tmp_path / f"alike{d}", material, prior=0.0, caption_dropout=d) for d in (0.0, 0.5)]
    assert same(*alike)


def test_accumulated_batches_are_one_step(tmp_path: Path, material: dict[str, Any]) -> None:
    """The gradient of a step is the mean of its parts': one weight that learns at once shows it."""
    from ltxbuild.model.draws import draw_batch
    from ltxbuild.stages.train import _members, _trainer

    params = {**PARAMS, "prior": 0.0, "accumulate": 3}
    clips = _members(read_json(material["inputs"]["dataset"].path), material["inputs"]["clips"])
    transformer = residence.resident(residence.Place(Path("/base"), "cpu", "fp32")).transformer()
    with attached(transformer, Spec(4, 4, "attention")) as adapter:
        adapter.start(1)
        trainer = _trainer(params, transformer, adapter, clips, train_log())
        name, parameter = next((n, p) for n, p in adapter.parameters().items() if ".lora_B." in n)
        alone = []
        for part in range(3):
            trainer.losses(draw_batch(trainer.draw, 1, clips, part)).mean().backward()
            alone.append(parameter.grad.clone())
            trainer.optimizer.zero_grad()
        values = [trainer._accumulate(draw_batch(trainer.draw, 1, clips, part), part) for part in range(3)]
        assert torch.allclose(parameter.grad, sum(alone) / 3, atol=1e-7), name
        assert torch.cat(values).shape == (3 * PARAMS["batch"],)
    out = segment(tmp_path / "a", material, last=4, prior=0.0, accumulate=3)
    log = read_json(out / "log.json")
    assert len(log["steps"]) == 4 and sum(n for _, n in log["per_clip"].values()) == 4 * 3 * PARAMS["batch"]
    with pytest.raises(Interrupted):
        segment(tmp_path / "cut", material, last=4, prior=0.0, accumulate=3, stop=2)
    assert same(out, segment(tmp_path / "cut", material, last=4, prior=0.0, accumulate=3))


def train_log() -> Any:
    from ltxbuild.model.training import Log

    return Log()


def test_a_rank_stabilised_adapter_is_the_plain_one_of_another_alpha(
    tmp_path: Path, material: dict[str, Any]
) -> None:
    plain = segment(tmp_path / "plain", material, alpha=8.0)
    stabilised = segment(tmp_path / "stabilised", material, alpha=4.0, rank_stabilized=True)
    (a, said_a), (b, said_b) = (tensor_file.load(p / "adapter.safetensors") for p in (plain, stabilised))
    assert all(torch.equal(a[name], b[name]) for name in a), "8 / 4 = 4 / sqrt(4)"
    assert Spec.read(said_a).scale == Spec.read(said_b).scale == 2.0 and "stabilized" not in said_a
    for folder in (plain, stabilised):
        inputs = {"adapter": as_file(folder / "adapter.safetensors"), "transformer": None}
        job = FakeJob(folder / "export", {"name": "x", "dtype": "fp32"}, inputs, material["context"])
        export.run(job)
    files = [tensor_file.load(p / "export" / "out" / "lora.safetensors")[0] for p in (plain, stabilised)]
    assert all(torch.equal(files[0][name], files[1][name]) for name in files[0])


def test_given_frames_at_either_end_train(tmp_path: Path, material: dict[str, Any]) -> None:
    conditions = {"last_frame": 0.5, "prefix": 0.3, "suffix": 0.3, "context": 1}
    out = segment(tmp_path / "a", material, prior=0.0, **conditions)
    assert not same(out, segment(tmp_path / "b", material, prior=0.0), OUTPUTS[:1])
    assert read_json(out / "log.json")["skipped"] == 0
