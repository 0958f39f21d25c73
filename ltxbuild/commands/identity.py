"""Which base this is: digests of its components, asked for as late as they can be, and where it lies. Prints nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ltxbuild.commands.asked import asked_models
from ltxbuild.problem import fail
from ltxbuild.project.captions import BY_SUBJECT
from ltxbuild.project.pins import COMMIT
from ltxbuild.project.project import Project
from ltxbuild.project.settings import MODES

if TYPE_CHECKING:
    from ltxbuild.engine.events import Reporter
    from ltxbuild.model.hub import Repository

TELL_SECONDS = 0.25
SOUND, DETECTOR, TOKENIZER = "sound", "detector", "tokenizer"


def cache_folder() -> Path:
    """Where this user's digests of bases are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ltxbuild"


def components_of(project: Project) -> tuple[str, ...]:
    """The parts of the base, and of what else is asked, that a project's LoRA follows from."""
    heard = any(project.settings.mode(mode).audio != "none" for mode in MODES)
    found = any(clip.crop == BY_SUBJECT for clip in project.clips)
    return (
        "text_encoder",
        "transformer",
        "vae",
        *((SOUND,) if heard else ()),
        *((DETECTOR,) if found else ()),
    )


class BaseIdentity:
    """Digests of the base's components; `folder` is filled once the base is located."""

    def __init__(self, project: Project) -> None:
        self._base = project.base
        self.components = components_of(project)
        # The lock's pin comes before a name such as `main`, which means something else every week.
        self._revision = project.pins.revision or project.base.revision or "main"
        # What a pinned commit holds is known without having it.
        self._pinned = dict(project.pins.components if self._on_hub and project.pins.revision else ())
        self.folder: Path | None = project.base.folder
        self.asked = asked_models(project, cache_folder())

    @property
    def source(self) -> Repository | None:
        """What of the base has to come from the Hub: all of it, or the text encoder that no single file holds."""
        from ltxbuild.model.hub import Repository

        base, terms = self._base, self._base.card.source
        if base.repository is not None:
            sound = SOUND in self.components
            return Repository(base.repository, self._revision, terms.licence, terms.gated, sound=sound)
        if base.file is None or base.text_encoder is not None or not terms.gated:
            return None
        encoder = terms.gated[0]
        return Repository(encoder["repository"], "main", encoder["licence"], flat=True)

    def known(self, key: str) -> str | None:
        """From the cache; never reads weights or asks the network."""
        from ltxbuild.model.identity import known_digest

        if key in self.asked:
            return self.asked[key].known() or self._pinned.get(key)
        folder = self.folder or self._cached()
        return self._pinned.get(key) if folder is None else known_digest(folder, key, cache_folder())

    @property
    def _on_hub(self) -> bool:
        return self._base.repository is not None

    def resolve(self, key: str) -> str:
        """Hash what has to be hashed. Raises ProjectError if the base cannot be had."""
        from ltxbuild.model.identity import component_digest

        if key in self.asked:
            return self.asked[key].resolve()
        return component_digest(self.locate(), key, cache_folder())

    def read(self, reporter: Reporter) -> bool:
        """Hash what was not hashed before, with progress: tens of gigabytes take minutes, once. True if any was."""
        from ltxbuild.model.identity import component_digest

        # No LoRA follows from the tokenizer's digest, but what lint knows by it should be known again.
        unread = [key for key in (*self.components, TOKENIZER) if self.known(key) is None]
        for key in unread:
            folder = (self.asked.get(key) or self).locate()
            component_digest(folder, key, cache_folder(), _Reading(reporter, f"base:{key}").on_bytes)
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
        base = self._base
        if base.file is None or base.text_encoder is None:
            # Asking the Hub's cache imports its library; without any cache folder there is nothing to ask.
            home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
            source = self.source if home.is_dir() else None
            if source is None:
                return None
            from ltxbuild.model.hub import cached

            found = cached(source)
            return found if found is None or base.file is None else self._assembled(base.file, found)
        return self._assembled(base.file, base.text_encoder)

    def _fetch(self) -> Path:
        from ltxbuild.model.hub import fetch

        source = self.source
        if source is None:
            hint = "name its folder as text_encoder under [bases] in config.toml"
            raise fail("B205", "the base has no text encoder, and its card names none", hint)
        fetched = fetch(source)
        return fetched if self._base.file is None else self._assembled(self._base.file, fetched)

    @staticmethod
    def _assembled(file: Path, text_encoder: Path) -> Path:
        """The folder that stands for a single file."""
        from ltxbuild.model.single_file import assemble, tokenizer_of

        return assemble(file, text_encoder, tokenizer_of(text_encoder), cache_folder())


class PinnedIdentity(BaseIdentity):
    """The base by what the lock pins of it, for a build that has to do without it."""

    @property
    def complete(self) -> bool:
        """Whether everything is pinned that a result may follow from."""
        return self._pinned.keys() >= set(self.components)

    def resolve(self, key: str) -> str:
        """The pinned digest; of what no lock pins, one that no record has."""
        return self._pinned.get(key, "not pinned")


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
