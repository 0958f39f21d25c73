"""What the verbs share: find the folder, read the project, open the workspace. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltxbuild.commands.identity import BaseIdentity
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import Json
from ltxbuild.problem import fail
from ltxbuild.project.memory import gpus
from ltxbuild.project.project import Project, load
from ltxbuild.recipe import make_graph

if TYPE_CHECKING:
    from ltxbuild.engine.forecast import Prediction
    from ltxbuild.engine.graph import Graph
    from ltxbuild.engine.state import Record

# A new release of these stages must not spend anybody's GPU hours: what an older version made still counts.
LENIENT = frozenset({"train", "latents"})


@dataclass(frozen=True)
class Choice:
    """Which project, seen how: mode and settings of the command line, rehearsal."""

    root: Path
    mode: str | None = None
    overrides: tuple[str, ...] = ()
    follow: bool = False
    rehearsal: bool = False

    @property
    def variant(self) -> str:
        """The folder below build/ for results of another mode or other settings; empty for the project's own."""
        if self.rehearsal:
            return "rehearsal"
        if self.overrides:
            import hashlib

            text = "\n".join((self.mode or "", *sorted(self.overrides)))
            return "variant-" + hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return self.mode or ""


def find_root(folder: str) -> Path:
    """The project folder: the given one or the nearest above it. Raises ProjectError."""
    start = Path(folder)
    for candidate in (start, *start.resolve().parents):
        if (candidate / "lora.toml").is_file():
            return candidate
    hint = "`ltxbuild init TYPE DIR` starts a project, -C DIR names one"
    raise fail("P100", f"{start.resolve()} is no project: there is no lora.toml here or above", hint)


@dataclass(frozen=True)
class Session:
    """An opened project."""

    choice: Choice
    project: Project
    graph: Graph
    space: Workspace
    identity: BaseIdentity

    @property
    def build_folder(self) -> Path:
        """Where deliverables go."""
        return self.project.root / "build" / self.choice.variant

    def output(self, record: Record, name: str) -> Any:
        """A JSON output of an action; None if it is not in the store."""
        path = self.space.store.path(record.outputs[name])
        return json.loads(path.read_bytes()) if path.exists() else None

    def predict(
        self,
        targets: tuple[str, ...],
        options: BuildOptions | None = None,
        known: Prediction | None = None,
    ) -> Prediction:
        """What a build of these action ids would do; `known` as in the engine's `predict`."""
        from ltxbuild.engine.build import predict

        chosen = options or BuildOptions(lenient=LENIENT)
        return predict(self.graph, self.space, self.identity, targets, chosen, known=known)


def read_project(choice: Choice, left_out: frozenset[str] = frozenset()) -> Project:
    """The project as it is now; clips at the paths in `left_out`, which are still being written, take no part."""
    project = load(
        choice.root, choice.overrides, choice.mode, follow=choice.follow, rehearsal=choice.rehearsal
    )
    if left_out.isdisjoint(clip.path for clip in project.clips):
        return project
    clips = tuple(replace(c, skip=True) if c.path in left_out else c for c in project.clips)
    return replace(project, clips=clips)


@contextmanager
def open_session(choice: Choice, write: bool, left_out: frozenset[str] = frozenset()) -> Iterator[Session]:
    """Read the project and open its workspace."""
    project = read_project(choice, left_out)
    identity = BaseIdentity(project)
    graph = make_graph(project)
    space = Workspace(choice.root, write, choice.variant)
    place = str(project.settings.get("cache.shared"))
    if write and place:
        space.share(place)
    try:
        yield Session(choice, project, graph, space, identity)
    finally:
        space.close()


def machine_facts(project: Project, identity: BaseIdentity) -> dict[str, Json]:
    """What model stages need to know about this computer; locates the base. Raises ProjectError."""
    settings, device = project.settings, project.device
    checkpointing = settings.get("memory.checkpointing")
    if checkpointing == "auto":
        checkpointing = device != "cpu"
    return {
        "base": str(identity.locate()),
        **asked_facts(project, identity),
        "checkpointing": bool(checkpointing),
        "swap": swapped(project),
        "gpus": int(settings.get("memory.gpus")) or (len(gpus()) if device != "cpu" else 1),
    }


def asked_facts(project: Project, identity: BaseIdentity) -> dict[str, Json]:
    """What the stages of lint need that ask a model; may fetch it. Raises ProjectError."""
    folders = {key: str(model.locate().resolve()) for key, model in identity.asked.items()}
    return {"device": project.device, **folders}


def swapped(project: Project) -> int:
    """How many blocks of the transformer stay in the host's memory until they compute."""
    wanted, sizes = str(project.settings.get("memory.swap")), project.base.card.memory
    if project.fit is None or sizes is None or wanted == "none":
        return 0
    return sizes.blocks if wanted == "all" else project.fit.swap
