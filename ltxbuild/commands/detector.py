"""Which detector this is: the digest of its files, asked for as late as it can be, and where it lies. Prints nothing."""

from __future__ import annotations

from pathlib import Path

KEY = "detector"


class DetectorIdentity:
    """The model that `[lint] detector` names; `folder` is filled once it is located."""

    def __init__(self, spec: str, root: Path, cache: Path) -> None:
        from ltxbuild.model.asked_files import is_folder

        # A folder may be named from the project, which is not always where the command was called.
        self._spec = str(root / Path(spec).expanduser()) if is_folder(str(root / spec)) else spec
        self._cache = cache
        self._folder: Path | None = None

    def known(self) -> str | None:
        """From the cache; never reads weights or asks the network."""
        from ltxbuild.model.asked_files import kept_files
        from ltxbuild.model.identity import known_digest

        self._folder = self._folder or kept_files(self._spec)
        return None if self._folder is None else known_digest(self._folder, KEY, self._cache)

    def resolve(self) -> str:
        """Hash what has to be hashed. Raises ProjectError if the model cannot be had."""
        from ltxbuild.model.identity import component_digest

        return component_digest(self.locate(), KEY, self._cache)

    def locate(self) -> Path:
        """The folder, fetched if need be. Raises ProjectError."""
        from ltxbuild.model.asked_files import find_files, kept_files
        from ltxbuild.model.detector_families import DETECTORS

        kept = self._folder or kept_files(self._spec)
        # A kept one is checked as well, and taken as it is: asking the Hub again might bring another.
        self._folder = find_files(str(kept or self._spec), DETECTORS)
        return self._folder
