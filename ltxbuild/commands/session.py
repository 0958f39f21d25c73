"""What the verbs share: find the folder, read the project, open the workspace. Prints nothing."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import Json
from ltxbuild.problem import fail
from ltxbuild.project.pins import COMMIT
from ltxbuild.project.project import Project, control_problem, load
from ltxbuild.recipe import make_graph

if TYPE_CHECKING:
    from ltxbuild.engine.events import Reporter
    from ltxbuild.engine.forecast import Prediction
    from ltxbuild.engine.graph import Graph
    from ltxbuild.engine.state import Record

# A new release of these stages must not spend anybody's GPU hours: what an older version made still counts.
LENIENT = frozenset({"train", "latents"})
TELL_SECONDS = 0.25


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


def cache_folder() -> Path:
    """Where this user's digests of bases are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ltxbuild"


class BaseIdentity:
    """Digests of the base's components; `folder` is filled once the base is located."""

    def __init__(self, project: Project) -> None:
        self._base = project.base
        # The lock's pin comes before a name such as `main`, which means something else every week.
        self._revision = project.pins.revision or project.base.revision or "main"
        # What a pinned commit holds is known without having it.
        self._pinned = dict(project.pins.components if self._on_hub and project.pins.revision else ())
        self.folder: Path | None = project.base.folder

    def known(self, key: str) -> str | None:
        """From the cache; never reads weights or asks the network."""
        from ltxbuild.model.identity import known_digest

        folder = self.folder or self._cached()
        return self._pinned.get(key) if folder is None else known_digest(folder, key, cache_folder())

    @property
    def _on_hub(self) -> bool:
        return self._base.repository is not None

    def resolve(self, key: str) -> str:
        """Hash what has to be hashed. Raises ProjectError if the base cannot be had."""
        from ltxbuild.model.identity import component_digest

        return component_digest(self.locate(), key, cache_folder())

    def read(self, reporter: Reporter) -> bool:
        """Hash what was not hashed before, with progress: tens of gigabytes take minutes, once. True if any was."""
        from ltxbuild.model.identity import COMPONENTS, component_digest

        unread = [key for key in COMPONENTS if self.known(key) is None]
        for key in unread:
            component_digest(self.locate(), key, cache_folder(), _Reading(reporter, f"base:{key}").on_bytes)
        return bool(unread)

    def locate(self) -> Path:
        """The folder of the base, fetched if need be. Raises ProjectError."""
        if self.folder is None:
            self.folder = self._cached() or self._fetch()
        return self.folder

    @property
    def here(self) -> bool:
        """Whether the base is on this machine, so that using it fetches nothing."""
        self.folder = self.folder or self._cached()
        return self.folder is not None

    @property
    def commit(self) -> str | None:
        """The commit of the Hub that the base's revision means, once it is here; for another folder what is pinned."""
        if self._base.repository is None or COMMIT.fullmatch(self._revision):
            return self._revision if COMMIT.fullmatch(self._revision) else None
        # The Hub's cache keeps each commit in a folder of that name.
        folder = self.folder or self._cached()
        return folder.name if folder is not None and COMMIT.fullmatch(folder.name) else None

    def _cached(self) -> Path | None:
        if self._base.file is not None:
            return self._assembled(
                self._base.file, self._base.text_encoder or self._text_encoder(fetch=False)
            )
        return self._in_cache(self._base.repository, self._revision)

    @staticmethod
    def _in_cache(repository: str | None, revision: str, flat: bool = False) -> Path | None:
        # Asking the Hub's cache imports its library; without any cache folder there is nothing to ask.
        home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
        if repository is None or not home.is_dir():
            return None
        from ltxbuild.model.hub import cached

        return cached(repository, revision, flat)

    @staticmethod
    def _assembled(file: Path, text_encoder: Path | None) -> Path | None:
        """The folder that stands for a single file; None while its text encoder is not here."""
        from ltxbuild.model.single_file import assemble, tokenizer_of

        if text_encoder is None:
            return None
        return assemble(file, text_encoder, tokenizer_of(text_encoder), cache_folder())

    def _text_encoder(self, fetch: bool) -> Path | None:
        """The text encoder that the base's card names, from the Hub."""
        from ltxbuild.model import hub

        source = self._base.card.source
        part = next(iter(source.gated), None)
        if part is None:
            return None
        here = self._in_cache(part["repository"], "main", flat=True)
        return here or (
            hub.fetch(part["repository"], "main", part["licence"], (), flat=True) if fetch else None
        )

    def _fetch(self) -> Path:
        from ltxbuild.model.hub import fetch

        if self._base.file is not None:
            folder = self._assembled(
                self._base.file, self._base.text_encoder or self._text_encoder(fetch=True)
            )
            assert folder is not None
            return folder
        source = self._base.card.source
        assert self._base.repository is not None
        return fetch(self._base.repository, self._revision, source.licence, source.gated)


class PinnedIdentity(BaseIdentity):
    """The base by what the lock pins of it, for a build that has to do without it."""

    @property
    def complete(self) -> bool:
        """Whether everything is pinned that a result may follow from."""
        from ltxbuild.model.identity import COMPONENTS

        return self._pinned.keys() >= COMPONENTS.keys()

    def resolve(self, key: str) -> str:
        """The pinned digest."""
        return self._pinned[key]


class _Reading:
    """Tells how far the reading of one component is, a few times a second."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter, self._name = reporter, name
        self._started = self._told = time.monotonic()
        reporter.action_started(name)

    def on_bytes(self, done: int, total: int) -> None:
        """Called after each piece."""
        now = time.monotonic()
        if done == total:
            self._reporter.finished(self._name, "read", now - self._started)
        elif now - self._told > TELL_SECONDS:
            self._told = now
            self._reporter.progress(self._name, round(done / 1e9, 2), round(total / 1e9, 2), "GB", {})


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


def refuse_control(project: Project) -> None:
    """Raise ProjectError if this release cannot build the project."""
    from ltxbuild.problem import ProjectError

    problem = control_problem(project)
    if problem is not None:
        raise ProjectError([problem])


def device_of(project: Project) -> str:
    """Where models compute: [memory] device, or the GPU if this machine has one."""
    device = str(project.settings.get("memory.device"))
    if device == "auto":
        return "cuda" if Path("/dev/nvidia0").exists() else "cpu"
    return device


def machine_facts(project: Project, identity: BaseIdentity) -> dict[str, Json]:
    """What model stages need to know about this computer; locates the base. Raises ProjectError."""
    settings, device = project.settings, device_of(project)
    checkpointing = settings.get("memory.checkpointing")
    if checkpointing == "auto":
        checkpointing = device != "cpu"
    return {"base": str(identity.locate()), "device": device, "checkpointing": bool(checkpointing)}
