"""One segment of the training chain. Knows neither the segments around it nor why it ends where it does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltxbuild.job import Interrupted, Job, JsonDict, StageError, read_json, write_json
from ltxbuild.stages.crew import crew
from ltxbuild.stages.membership import pick

if TYPE_CHECKING:
    from ltxbuild.model.lora import Spec
    from ltxbuild.model.members import Member
    from ltxbuild.model.ranks import Ranks
    from ltxbuild.model.training import Log, Trainer

KEEP_EVERY = 120.0
"""Seconds of work that a kill may cost."""


def run(job: Job) -> None:
    """Write adapter.safetensors, optimizer.safetensors and log.json of the steps after `first` up to `last`.

    After a halt they are those of the segment before.

    Raises StageError when training diverges or the state before does not fit, Interrupted after keeping
    partial work.
    """
    if job.inputs.get("halt") is not None:
        _stand_still(job)
        return
    with crew(job, _int(job.params["batch"]) * _int(job.params.get("accumulate", 1))) as ranks:
        train(job, ranks)


def train(job: Job, ranks: Ranks) -> None:
    """The steps themselves; of several processes the first one writes what they made."""
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of
    from ltxbuild.model.lora import attached
    from ltxbuild.model.members import features
    from ltxbuild.model.residence import part
    from ltxbuild.model.training import Log

    params = job.params
    place = place_of(job.context, params)
    members = _members(read_json(job.inputs["dataset"].path), job.inputs["clips"])
    transformer = part(place, "transformer")
    spec = _spec(params)
    with attached(transformer, spec) as adapter, _checkpointing(transformer, place.checkpointing):
        trainer = _trainer(params, transformer, adapter, members, Log())
        trainer.ranks = ranks
        if job.inputs.get("empty") is not None:
            trainer.empty, trainer.sound_empty = (
                features(job.inputs["empty"], of) for of in ("video", "audio")
            )
        at = _take_up(job, trainer)
        saver = _Saver(job, trainer, spec.metadata(), _int(params["first"]), _int(params["last"]))
        trainer.run(at, saver.last, saver.after if ranks.rank == 0 else _silent)
        if ranks.rank:
            return
        metadata = {**spec.metadata(), "step": str(saver.last)}
        tensor_file.save(job.out / "adapter.safetensors", adapter.tensors(), metadata)
        tensor_file.save(job.out / "optimizer.safetensors", _state(trainer), {"step": str(saver.last)})
        write_json(job.out / "log.json", trainer.log.json())


def _spec(params: Mapping[str, Any]) -> Spec:
    from ltxbuild.model.lora import Spec

    stabilized = bool(params.get("rank_stabilized"))
    return Spec(_int(params["rank"]), _float(params["alpha"]), str(params["targets"]), stabilized)


def _silent(step: int, log: Log) -> None:
    """What the first process tells and keeps is enough."""


def _stand_still(job: Job) -> None:
    """Training has stopped: the state before is this segment's, byte for byte."""
    for name in ("adapter", "optimizer"):
        shutil.copyfile(job.inputs["previous"][name].path, job.out / f"{name}.safetensors")
    write_json(job.out / "log.json", {"steps": [], "per_clip": {}, "skipped": 0})


def _int(value: Any) -> int:
    return int(value)


def _float(value: Any) -> float:
    return float(value)


def _members(dataset: Mapping[str, Any], bag: list[dict[str, Any]]) -> list[Member]:
    from ltxbuild.model.members import read_member

    chosen = [clip for clip in dataset["clips"] if clip["train"]]
    if not chosen:
        raise StageError("no clip is left to train on: all of them are held out")
    return [read_member(c["key"], pick(bag, c), c["train"], c["repeats"]) for c in chosen]


def _trainer(
    params: Mapping[str, Any], transformer: Any, adapter: Any, members: list[Member], log: Log
) -> Trainer:
    from ltxbuild.model.draws import Draw
    from ltxbuild.model.optimizer import Rate, make_optimizer
    from ltxbuild.model.training import Trainer

    decay = params.get("decay") or {}
    rate = Rate(
        _float(params["learning_rate"]),
        _int(params.get("warmup", 0)),
        decay.get("start"),
        decay.get("length", 1),
        decay.get("to", 1.0),
    )
    schedule = params.get("sigmas")
    draw = Draw(
        seed=_int(params["seed"]),
        batch=_int(params["batch"]),
        first_frame=_float(params.get("first_frame", 0)),
        prior=_float(params.get("prior", 0)),
        schedule=tuple(schedule) if schedule else None,
        last_frame=_float(params.get("last_frame", 0)),
        prefix=_float(params.get("prefix", 0)),
        suffix=_float(params.get("suffix", 0)),
        context=_int(params.get("context", 1)),
        caption_dropout=_float(params.get("caption_dropout", 0)),
        audio=params.get("audio"),
    )
    optimizer = make_optimizer(adapter.parameters(), _float(params.get("weight_decay", 0.01)), rate.peak)
    clip = _float(params.get("clip_norm", 1.0))
    parts = _int(params.get("accumulate", 1))
    return Trainer(transformer, adapter, optimizer, members, draw, rate, clip, log, parts)


class _checkpointing:
    """Gradient checkpointing while this lasts: less memory, the same numbers."""

    def __init__(self, transformer: Any, wanted: bool) -> None:
        self.transformer, self.wanted = transformer, wanted

    def __enter__(self) -> None:
        if self.wanted:
            self.transformer.enable_gradient_checkpointing()

    def __exit__(self, *_: object) -> None:
        if self.wanted:
            self.transformer.disable_gradient_checkpointing()


def _state(trainer: Trainer) -> dict[str, Any]:
    from ltxbuild.model.optimizer import state_tensors

    return state_tensors(trainer.optimizer, trainer.adapter.parameters())


def _take_up(job: Job, trainer: Trainer) -> int:
    """Fill adapter and optimizer from partial work, from the segment before, or anew; returns the last step
    done.
    """
    from ltxbuild.model import tensor_file
    from ltxbuild.model.optimizer import restore
    from ltxbuild.model.training import Log

    previous, first = job.inputs["previous"], _int(job.params["first"])
    parameters = trainer.adapter.parameters()
    kept = _partial(job)
    if kept.exists():
        tensors, metadata = tensor_file.load(kept)
        trainer.adapter.fill({n[2:]: t for n, t in tensors.items() if n.startswith("a/")})
        restore(trainer.optimizer, parameters, {n[2:]: t for n, t in tensors.items() if n.startswith("o/")})
        trainer.log = Log.parse(metadata["log"])
        job.note(f"continues after step {metadata['step']}")
        return int(metadata["step"])
    if previous is None:
        if first != 0:
            raise StageError(f"a segment that starts after step {first} needs the state before it")
        trainer.adapter.start(trainer.draw.seed)
        if job.inputs.get("start") is not None:
            _continue(job, trainer)
        return 0
    trainer.adapter.fill(tensor_file.load(previous["adapter"].path)[0])
    restore(trainer.optimizer, parameters, tensor_file.load(previous["optimizer"].path)[0])
    return first


def _continue(job: Job, trainer: Trainer) -> None:
    """Begin with what another LoRA has learnt."""
    from ltxbuild.model.given_lora import start_from

    left = start_from(trainer.adapter, _spec(job.params), job.inputs["start"].path)
    if left:
        job.note(
            f"{len(left)} layers of the LoRA to start from are left out, first {left[0]}: no recipe trains them"
        )


def _partial(job: Job) -> Path:
    return job.partial / "state.safetensors"


class _Saver:
    """Tells the progress and keeps partial work: every KEEP_EVERY seconds and when asked to stop."""

    def __init__(self, job: Job, trainer: Trainer, metadata: dict[str, str], first: int, last: int) -> None:
        self.job, self.trainer, self.metadata = job, trainer, metadata
        self.first, self.last = first, last
        self.kept = time.monotonic()

    def after(self, step: int, log: Log) -> None:
        """Called after each step."""
        figures: JsonDict = {"loss": log.steps[-1][1]} if log.steps else {}
        self.job.progress(step - self.first, self.last - self.first, "steps", **figures)  # type: ignore[arg-type]
        stop = self.job.interrupted()
        if step < self.last and (stop or time.monotonic() - self.kept >= KEEP_EVERY):
            self.keep(step)
        if stop and step < self.last:
            raise Interrupted

    def keep(self, step: int) -> None:
        """Everything in one file, so that it is there whole or not at all."""
        from ltxbuild.model import tensor_file

        tensors = {f"a/{n}": t for n, t in self.trainer.adapter.tensors().items()}
        tensors |= {f"o/{n}": t for n, t in _state(self.trainer).items()}
        self.job.partial.mkdir(parents=True, exist_ok=True)
        tensor_file.save(
            _partial(self.job), tensors, {**self.metadata, "step": str(step), "log": self.trainer.log.dump()}
        )
        self.kept = time.monotonic()
