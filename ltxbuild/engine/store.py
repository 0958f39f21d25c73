"""Content-addressed objects, verified once a build whenever they are read. Knows neither actions nor records."""

from __future__ import annotations

import os
from pathlib import Path

from ltxbuild.engine import digest, files
from ltxbuild.engine.mishap import mishap, unreadable


class Store:
    """Objects below `root`, each at `ab/cdef...` by its digest."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = str(root)
        self._verified: set[str] = set()

    def path(self, key: str) -> Path:
        """Where the object with this digest is or would be."""
        return self.root / key[:2] / key[2:]

    def put(self, file: Path, durable: bool) -> str:
        """Move `file` (on the same filesystem) into the store and return its digest."""
        try:
            key = digest.of_file(file)
        except OSError as error:
            raise mishap(error, str(file)) from error
        target = self.path(key)
        if not self.intact(key):
            files.make_folder(target.parent)
            files.protect(file)
            if durable:
                files.sync_file(file)
            files.replace(file, target, durable)
            self._verified.add(key)
        else:
            files.remove(file)
        return key

    def exists(self, key: str) -> bool:
        """Whether there is a file for this digest; its content is not looked at."""
        # Asked for each input of each action: a Path for every one of them would take longer than the question.
        return os.path.isfile(f"{self._root}/{key[:2]}/{key[2:]}")  # noqa: PTH113

    def intact(self, key: str) -> bool:
        """Whether the object is there with the right bytes; a damaged one is removed and counts as missing."""
        if key in self._verified:
            return self.exists(key)
        try:
            sound = digest.of_file(self.path(key)) == key
        except FileNotFoundError:
            return False
        except PermissionError as error:
            raise unreadable(error, str(self.path(key))) from error
        except OSError:  # a part of the disk that cannot be read any more
            sound = False
        if not sound:
            files.remove(self.path(key))
            return False
        self._verified.add(key)
        return True
