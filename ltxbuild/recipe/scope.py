"""What every part of the recipe shares: the project, its base's card and the graph under construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from ltxbuild.engine.action import Action, Bag, Guard, Input, Ref, Timeout
from ltxbuild.engine.graph import Graph
from ltxbuild.job import Json, JsonDict
from ltxbuild.project.card import Card
from ltxbuild.project.project import Clip, Project
from ltxbuild.recipe.labels import labels_of
from ltxbuild.stages import STAGES

# The order in which a person thinks of the work; also the targets of the command line.
DEFAULT = "default"
TARGETS = ("transcode", "bucket", "lint", "encode", "train", "evaluate", "report", "export")

# One empty mapping for all actions; nobody writes into it.
NOTHING: Mapping[str, Any] = {}

# The findings over the whole set, those that need the base's tokenizer, and those about what models see and hear.
LINT = "lint:all"
TOKENS = "lint:tokens"
ASKED = "lint:asked"
LINTS = (LINT, TOKENS, ASKED)


def lint_of(clip: Clip) -> str:
    """The id of one clip's findings; a clip may be called `all`."""
    name = f"lint:{clip.key}"
    return name if name not in LINTS else f"lint_clip:{clip.key}"


@dataclass
class Scope:
    """The graph under construction, with the few lookups that every part needs."""

    project: Project
    card: Card
    machine: Mapping[str, Json]
    modes: tuple[str, ...]
    graph: Graph = field(default_factory=Graph)
    members: dict[str, list[str]] = field(default_factory=dict)
    bags: dict[str, Bag] = field(default_factory=dict)
    refs: dict[Ref, Ref] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, machine: Mapping[str, Json]) -> Scope:
        """Quality contains fast: its gate waits for the verdict of the fast run on the same clips."""
        mode = project.settings.get("train.mode")
        modes = ("fast", "quality") if mode == "quality" else ("fast",)
        return cls(project, project.base.card, machine, modes)

    @property
    def final_mode(self) -> str:
        """The mode whose LoRA is delivered."""
        return self.modes[-1]

    @property
    def active(self) -> list[Clip]:
        """The clips that take part, captioned or not."""
        return [clip for clip in self.project.clips if not clip.skip]

    @property
    def trainable(self) -> list[Clip]:
        """The clips that take part and have a caption and, where one is needed, a reference."""
        control = self.project.type == "control"
        return [clip for clip in self.active if clip.caption and (clip.reference or not control)]

    @property
    def evaluation_window(self) -> JsonDict:
        """The one window of a clip that samples are shown or hear: as large and as long as they are."""
        width, height, frames = self.card.evaluation_size
        return {"width": width, "height": height, "frames": frames, "temporal": self.card.temporal}

    def add(
        self,
        stage: str,
        name: str,
        *,
        params: Mapping[str, Json] | None = None,
        inputs: Mapping[str, Input] | None = None,
        guards: tuple[Guard, ...] = (),
        subject: Mapping[str, str] = NOTHING,
        timeout: Timeout | None = None,
        affinity: str = "",
        target: str | None = None,
        retention: Mapping[str, int] | None = None,
    ) -> str:
        """Add one action named `stage:name` (or as given, if it has a colon already) and return its id."""
        kind = STAGES[stage]
        action = Action(
            id=intern(name if ":" in name else f"{stage}:{name}"),
            stage=stage,
            version=kind.version,
            outputs=kind.outputs,
            params=NOTHING if params is None else params,
            inputs=NOTHING if inputs is None else inputs,
            guards=guards,
            context=self.machine if kind.worker == "model" else NOTHING,
            worker=kind.worker,
            affinity=affinity,
            timeout=timeout,
            retention=NOTHING if retention is None else retention,
            labels=labels_of(stage),
            subject=subject,
        )
        self.graph.add(action)
        if target:
            self.members.setdefault(target, []).append(action.id)
        return action.id

    def ref(self, action: str, output: str) -> Ref:
        """An output of an action: one object however many read it, for of 10,000 clips each is read often."""
        found = Ref(intern(action), output)
        return self.refs.setdefault(found, found)

    def name_targets(self) -> None:
        """Give the stages and the clips the names by which a user asks for them."""
        for target in TARGETS:
            self.graph.targets[target] = tuple(self.members.get(target, ()))
        for clip in self.active:
            wanted = [f"transcode:{clip.key}", lint_of(clip), f"preview:{clip.key}"]
            wanted += [f"latents:{mode}:{clip.key}" for mode in self.modes] + [f"text:{clip.key}"]
            self.graph.targets[f"clip:{clip.key}"] = tuple(i for i in wanted if i in self.graph.actions)
        self.graph.targets["all"] = tuple(self.graph.actions)
        self.graph.targets[DEFAULT] = self.graph.targets["report"] + self.graph.targets["export"]
