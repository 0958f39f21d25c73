"""Where several machines keep files by name: a folder, or what fsspec opens. Knows neither records nor objects.

Whatever appears under a name is whole: it is written elsewhere first. The first that appears stays, unless replaced.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ltxbuild.engine import files

TMP = "tmp"


class Unreachable(Exception):
    """What a plug-in of fsspec raised, in words."""


class Depot(Protocol):
    """All calls block, and raise OSError or Unreachable if the place cannot be had."""

    def read(self, name: str) -> bytes | None:
        """The content, None if there is none."""

    def has(self, name: str) -> bool:
        """Whether the name is taken."""

    def fetch(self, name: str, target: Path) -> bool:
        """Copy to a local file; False if there is none."""

    def put(self, source: Path, name: str, replace: bool = False) -> bool:
        """Copy a local file there; False if the name is taken and stays."""

    def tidy(self) -> None:
        """Remove what was only needed to put files there."""


def open_depot(place: str, root: Path) -> Depot:
    """A folder, relative to `root`, or a URL that fsspec knows. Touches nothing yet."""
    if "://" in place:
        return RemoteDepot(place)
    return FolderDepot(root / os.path.expanduser(place))  # noqa: PTH111 - leaves an unknown user's tilde alone


class FolderDepot:
    """A folder, local or mounted. It is made if need be, but not its parents: what is not mounted is no folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # Two machines may have processes of the same number: names of temporary files need more than that.
        self._own = root / TMP / secrets.token_hex(8)
        self._counter = itertools.count()

    def read(self, name: str) -> bytes | None:
        """See Depot."""
        self._there()
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        """See Depot."""
        self._there()
        return (self._root / name).is_file()

    def fetch(self, name: str, target: Path) -> bool:
        """See Depot."""
        self._there()
        if not self.has(name):
            return False
        files.copy(self._root / name, target)
        return True

    def put(self, source: Path, name: str, replace: bool = False) -> bool:
        """See Depot."""
        self._there()
        draft, target = self._own / str(next(self._counter)), self._root / name
        files.copy(source, draft)
        files.make_folder(target.parent)
        try:
            if not replace:
                return files.claim(draft, target)
            files.replace(draft, target)
            return True
        finally:
            files.remove(draft)

    def tidy(self) -> None:
        """See Depot."""
        files.remove_tree(self._own)

    def _there(self) -> None:
        if not self._root.is_dir():
            os.stat(self._root.parent)  # raises: that is what `unreachable` means for a folder
            files.make_folder(self._root)


@contextmanager
def _plugin() -> Iterator[None]:
    """Each service has errors of its own, which are known only where its library is imported."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise Unreachable(f"{type(error).__name__}: {error}".splitlines()[0][:200]) from error


class RemoteDepot:
    """What fsspec opens: object stores, sftp, WebDAV. Its library and the service's own are imported at the first call."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: tuple[Any, str] | None = None
        self._own = f"{TMP}/{secrets.token_hex(8)}"
        self._counter = itertools.count()

    def read(self, name: str) -> bytes | None:
        """See Depot."""
        try:
            with _plugin():
                fs, path = self._at(name)
                return bytes(fs.cat_file(path))
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        """See Depot."""
        with _plugin():
            fs, path = self._at(name)
            return bool(fs.exists(path))

    def fetch(self, name: str, target: Path) -> bool:
        """See Depot."""
        files.make_folder(target.parent)
        try:
            with _plugin():
                fs, path = self._at(name)
                fs.get_file(path, str(target))
        except FileNotFoundError:
            return False
        return True

    def put(self, source: Path, name: str, replace: bool = False) -> bool:
        """See Depot. Between the question and the move another may be faster: equal names hold equal content."""
        with _plugin():
            fs, path = self._at(name)
            if not replace and fs.exists(path):
                return False
            _, draft = self._at(f"{self._own}-{next(self._counter)}")
            for one in (draft, path):
                fs.makedirs(one.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(source), draft)
            fs.mv(draft, path)
            return True

    def tidy(self) -> None:
        """See Depot: a draft is moved away at once."""

    def _at(self, name: str) -> tuple[Any, str]:
        if self._opened is None:
            from fsspec.core import url_to_fs  # type: ignore[import-untyped]

            fs, root = url_to_fs(self._url)
            self._opened = fs, root.rstrip("/")
        fs, root = self._opened
        return fs, f"{root}/{name}"
