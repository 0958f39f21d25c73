"""Previews on the way of a quality training, as nodes: the first prompts, sampled with what was learnt so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ltxbuild.engine.action import External, Ref
from ltxbuild.engine.graph import Deliverable
from ltxbuild.job import Json
from ltxbuild.recipe.arms import MAIN_WEIGHT, Arm, arms
from ltxbuild.recipe.evaluation import sample_inputs, sample_params
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.sound import SOUND, audio_of

EVERY = 250
"""Steps between two previews (DESIGN: two prompts every 250 steps)."""
FOLDER = "samples/on-the-way"


@dataclass(frozen=True)
class Glimpse:
    """One of them: the arm of the evaluation that it will be compared with, after `step` planned steps."""

    arm: Arm
    step: int

    @property
    def id(self) -> str:
        """As the report calls it."""
        return f"{self.step:04d}.{self.arm.id.partition('.')[0]}"


def shown(scope: Scope, mode: str) -> list[Arm]:
    """The arms that are looked at on the way; none in fast, which is over before one would look."""
    count = int(scope.project.settings.get("evaluate.previews")) if mode == "quality" else 0
    wanted = {f"p{index}.lora.trigger.{MAIN_WEIGHT}" for index in range(count)}
    return [arm for arm in arms(scope, mode) if arm.id in wanted]


def due(ends: Sequence[int]) -> list[int]:
    """The ends of segments with previews: the first one in each EVERY steps. After the last one comes the evaluation."""
    pairs = pairwise((0, *ends))
    return [end for before, end in pairs if end // EVERY > before // EVERY and end != ends[-1]]


def on_the_way(scope: Scope, mode: str, ends: Sequence[int]) -> Callable[[int, str], None]:
    """What to call with each segment's end and name, so that its previews run before the next segment does."""
    steps = set(due(ends))

    def after(end: int, state: str) -> None:
        if end in steps:
            for arm in shown(scope, mode):
                _add(scope, mode, Glimpse(arm, end), state)

    return after


def _add(scope: Scope, mode: str, glimpse: Glimpse, state: str) -> None:
    action = scope.add(
        "glimpse",
        f"glimpse:{mode}:{glimpse.id}",
        params=sample_params(scope, mode, glimpse.arm),
        inputs={
            **sample_inputs(scope, mode, glimpse.arm, Ref(state, "adapter.safetensors")),
            "vae": External("vae"),
            **({"audio_vae": SOUND} if audio_of(scope, mode) else {}),
        },
        affinity="transformer",
        target="report",
    )
    scope.graph.deliverables.append(Deliverable(f"{FOLDER}/{glimpse.id}.mp4", Ref(action, "video.mp4")))


def rows(scope: Scope, mode: str, ends: Sequence[int]) -> list[Json]:
    """For the report: each prompt with its previews, from the base's sample to the one that is judged."""
    steps = due(ends)
    found: list[Json] = []
    for arm in shown(scope, mode) if steps else ():
        shots: list[Json] = [[step, Glimpse(arm, step).id] for step in steps]
        base = f"{arm.id.partition('.')[0]}.base.trigger.0"
        found.append({"prompt": arm.prompt, "before": base, "after": arm.id, "shots": shots})
    return found
