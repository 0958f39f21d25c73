"""Which model lint asks: the digest of its files, asked for as late as it can be, and where it lies. Prints nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltxbuild.project.project import Project

KEYS = ("detector", "listener")
"""The settings under [lint] that name one, which are also the names of the components that fingerprints hold."""


class AskedModel:
    """The model that one of the settings names."""

    def __init__(self, key: str, spec: str, root: Path, cache: Path) -> None:
        from ltxbuild.model.asked_files import is_folder

        # A folder is named from the project, which is not always where the command was called.
        self._spec = str(root / Path(spec).expanduser()) if is_folder(str(root / spec)) else spec
        self._key, self._cache = key, cache
        self._folder: Path | None = None

    @property
    def _kept(self) -> Path | None:
        """The folder if it is on this machine."""
        from ltxbuild.model.asked_files import kept_files

        self._folder = self._folder or kept_files(self._spec)
        return self._folder

    @property
    def words(self) -> str | None:
        """What is said before it is fetched; None if it is on this machine."""
        from ltxbuild.model.asked_files import is_folder

        if self._kept is not None or is_folder(self._spec):
            return None
        return f"{self._spec}, the {self._key}, is fetched from the Hub; its licence stands on its page there"

    def known(self) -> str | None:
        """The digest from the cache; never reads weights or asks the network."""
        from ltxbuild.model.identity import known_digest

        folder = self._kept
        return None if folder is None else known_digest(folder, self._key, self._cache)

    def resolve(self) -> str:
        """Hash what has to be hashed. Raises ProjectError if the model cannot be had."""
        from ltxbuild.model.identity import component_digest

        return component_digest(self.locate(), self._key, self._cache)

    def locate(self) -> Path:
        """The folder, fetched if need be. Raises ProjectError."""
        from ltxbuild.model.asked_families import PURPOSES
        from ltxbuild.model.asked_files import find_files

        # A kept one is checked as well, and taken as it is: asking the Hub again might bring another.
        self._folder = find_files(str(self._kept or self._spec), PURPOSES[self._key])
        return self._folder


def asked_models(project: Project, cache: Path) -> dict[str, AskedModel]:
    """By setting, the models that are named and have something to do."""
    named = {key: project.asks(key) for key in KEYS}
    return {key: AskedModel(key, spec, project.root, cache) for key, spec in named.items() if spec}
