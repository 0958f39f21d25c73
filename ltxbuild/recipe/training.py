"""Training as a chain of segments: the stable part, a choice among its checkpoints, the decay tail, the last choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ltxbuild.engine import digest
from ltxbuild.engine.action import Bag, External, Guard, Input, Ref, Source, Unless, Value
from ltxbuild.job import JsonDict
from ltxbuild.project.continued import start_path
from ltxbuild.project.resolved import TrainSettings
from ltxbuild.recipe.clips import EMPTY, add_empty
from ltxbuild.recipe.findings import lint_guards
from ltxbuild.recipe.material import add_loss, member, member_bag
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.sound import weights_of
from ltxbuild.stages.curve import EARLIEST_SHARE, JUDGED_FROM
from ltxbuild.stages.halt import GO

Watch = Callable[[Scope, str, Sequence[int]], Callable[[int, str], None]]
"""From a mode and its segments' ends to what is called with each segment's end and name."""

# The settings that a segment has only when they differ from this.
UNUSED: JsonDict = {
    "last_frame": 0.0,
    "prefix": 0.0,
    "suffix": 0.0,
    "caption_dropout": 0.0,
    "accumulate": 1,
    "rank_stabilized": False,
}


@dataclass(frozen=True)
class Schedule:
    """Ends of the segments: `stable` then `tail`, each a list of absolute steps."""

    stable: tuple[int, ...]
    tail: tuple[int, ...]


def schedule(steps: int, interval: int, share: float) -> Schedule:
    """Cut `steps` into segments of `interval`; the tail is `share` of them, rounded to whole segments, at least one."""
    tail_segments = max(1, round(steps * share / interval)) if share > 0 and steps > interval else 0
    start = steps - min(tail_segments * interval, steps - interval) if tail_segments else steps
    ends = [*range(interval, start, interval), start]
    tail = [*range(start + interval, steps, interval), steps] if start < steps else []
    return Schedule(tuple(ends), tuple(tail))


def planned(scope: Scope, mode: str) -> Schedule:
    """The segments of a mode."""
    train = scope.project.settings.mode(mode)
    return schedule(train.steps, train.interval, train.decay)


def add_training(scope: Scope, mode: str, watch: Watch) -> None:
    """Add dataset, segments, held-out losses and choices of one mode; `watch` adds what looks at a segment's LoRA."""
    _add_dataset(scope, mode)
    train = scope.project.settings.mode(mode)
    if train.caption_dropout:
        add_empty(scope)
    plan = planned(scope, mode)
    after = watch(scope, mode, [*plan.stable, *plan.tail])
    add_loss(scope, f"loss:{mode}:0000", mode, None, {"weights": [0.0]})
    state: str | None = None
    first = 0
    states: dict[int, str] = {}
    halt: dict[str, Input] = {}
    for end in plan.stable:
        state = _add_segment(scope, mode, f"train:{mode}:{end:04d}", (first, end), state, None, halt)
        add_loss(scope, f"loss:{mode}:{end:04d}", mode, state, {"weights": [1.0]})
        after(end, state)
        states[end] = state
        if train.stop == "plateau" and len(states) >= JUDGED_FROM and end < plan.stable[-1]:
            halt = _add_halt(scope, mode, [*states], (train.steps, plan.stable[-1]), halt)
        first = end
    chosen = _add_select(scope, mode, "select", states, halt)
    state = chosen
    for end in plan.tail:
        tail: JsonDict = {"start": plan.stable[-1], "length": plan.tail[-1] - plan.stable[-1], "to": 0.1}
        state = _add_segment(scope, mode, f"tail:{mode}:{end:04d}", (first, end), state, tail, {})
        add_loss(scope, f"loss:{mode}:{end:04d}", mode, state, {"weights": [1.0]})
        after(end, state)
        states[end] = state
        first = end
    _add_select(scope, mode, "choose", states, halt)
    scope.members.setdefault("train", []).append(f"choose:{mode}")


def _add_dataset(scope: Scope, mode: str) -> None:
    members = tuple(
        {
            **member(scope, mode, clip),
            "bucket": scope.ref(f"bucket:{mode}:{clip.key}", "bucket.json"),
            "scan": scope.ref(f"scan:{clip.key}", "scan.json"),
            "repeats": Value(clip.drawn),
            "holdout": Value(clip.holdout),
        }
        for clip in scope.trainable
    )
    scope.add(
        "dataset",
        mode,
        params={"holdout": scope.project.settings.mode(mode).holdout, "mode": mode},
        inputs={"clips": Bag(members)},
    )


def _add_halt(
    scope: Scope, mode: str, steps: list[int], ends: tuple[int, int], before: Mapping[str, Input]
) -> dict[str, Input]:
    """The verdict on the curve up to the last of `steps`, as an input of what comes after; it counts if it says stop."""
    action = scope.add(
        "halt",
        f"halt:{mode}:{steps[-1]:04d}",
        params={"from": math.ceil(EARLIEST_SHARE * ends[0]), "end": ends[1]},
        inputs={
            "base": Ref(f"loss:{mode}:0000", "loss.json"),
            "curve": {f"{step:04d}": Ref(f"loss:{mode}:{step:04d}", "loss.json") for step in steps},
            **({"before": before["halt"]} if before else {}),
        },
    )
    return {"halt": Unless(Ref(action, "halt.json"), digest.of_json(GO))}


def _add_segment(
    scope: Scope,
    mode: str,
    name: str,
    span: tuple[int, int],
    previous: str | None,
    decay: JsonDict | None,
    halt: Mapping[str, Input],
) -> str:
    train = scope.project.settings.mode(mode)
    # The length of the stable part is in no segment's fingerprint: 1500 steps are the first 1500 of 2000.
    guards = lint_guards(scope)
    if mode == "quality":
        guards.append(Guard("gate", Ref("evaluate:fast", "gate.json")))
    return scope.add(
        "train",
        name,
        params={
            "first": span[0],
            "last": span[1],
            "rank": train.rank,
            "alpha": train.alpha,
            "learning_rate": train.learning_rate,
            "batch": train.batch,
            "seed": train.seed,
            "warmup": train.warmup,
            "decay": decay,
            "targets": train.targets if train.audio == "none" else f"{train.targets}+{train.audio}",
            "first_frame": train.first_frame,
            "prior": train.prior,
            **_extras(train),
            "weight_decay": train.weight_decay,
            "clip_norm": train.clip_norm,
            "sigmas": scope.card.sigmas(mode),
            "fps": scope.card.fps,
            **weights_of(scope, mode),
        },
        inputs={
            "dataset": Ref(f"dataset:{mode}", "dataset.json"),
            # Without prior preservation no step shows the class word, so another one retrains nothing.
            "clips": member_bag(scope, mode, plain=train.prior > 0),
            "previous": _state(previous),
            **(_start(train) if previous is None else {}),
            **halt,
            **_empty(train),
            "transformer": External("transformer"),
        },
        guards=tuple(guards),
        # By far the largest output: the last two segments' are enough to go on from, select keeps that of its choice.
        retention={"optimizer.safetensors": 2},
        affinity="transformer",
    )


def _extras(train: TrainSettings) -> JsonDict:
    """What a recipe uses of the rarer settings: one that it does not use is in no fingerprint, so that trainings made
    before there was such a setting still count.
    """
    wanted: JsonDict = {name: getattr(train, name) for name in UNUSED if getattr(train, name) != UNUSED[name]}
    if train.prefix or train.suffix:
        wanted["context"] = train.context
    return wanted


def _start(train: TrainSettings) -> dict[str, Input]:
    return {"start": Source(start_path(train.init_from))} if train.init_from else {}


def _empty(train: TrainSettings) -> dict[str, Input]:
    return {"empty": Ref(EMPTY, "features.safetensors")} if train.caption_dropout else {}


def _state(action: str | None, chosen: bool = False) -> Input:
    """What a segment leaves. Of those among which one is `chosen`, the others' optimizers are not looked for."""
    if action is None:
        return Value(None)
    return {
        "adapter": Ref(action, "adapter.safetensors"),
        "optimizer": Ref(action, "optimizer.safetensors", lazy=chosen),
    }


def _add_select(
    scope: Scope, mode: str, verb: str, states: Mapping[int, str], halt: Mapping[str, Input]
) -> str:
    return scope.add(
        "select",
        f"{verb}:{mode}",
        params={"mode": mode, "steps": max(states)},
        inputs={
            "base": Ref(f"loss:{mode}:0000", "loss.json"),
            "curve": {f"{step:04d}": Ref(f"loss:{mode}:{step:04d}", "loss.json") for step in states},
            "states": {f"{step:04d}": _state(action, chosen=True) for step, action in states.items()},
            **halt,
        },
    )
