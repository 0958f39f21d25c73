"""Every file operation of the engine, so that a test can stop it before any one of them. Knows no format.

A leftover of a killed process is a file whose name starts with TEMPORARY; `sweep` removes such files.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".ltxbuild-tmp-"

# ioctl FICLONE: share the extents of another file (Btrfs, XFS, bcachefs, overlay on these).
_FICLONE = 0x40049409
_NO_REFLINK = {
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.EXDEV,
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.EACCES,
}

# Called with (operation, path) before each operation that changes the disk; only tests set it.
hook: Callable[[str, str], None] | None = None

_counter = itertools.count()


def _step(operation: str, path: Path) -> None:
    if hook is not None:
        hook(operation, str(path))


def temporary_for(path: Path) -> Path:
    """A fresh name in the same folder, hence on the same filesystem, as `path`."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{next(_counter)}")


def make_folder(path: Path) -> None:
    """Create a folder and its parents; fine if it exists."""
    if not path.is_dir():
        _step("mkdir", path)
        path.mkdir(parents=True, exist_ok=True)


def write_atomic(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace `path` by `data`: after a crash it holds either the old or the new bytes.

    With `durable` this also holds for a loss of power.
    """
    make_folder(path.parent)
    temporary = temporary_for(path)
    _step("write", path)
    with open(temporary, "wb") as out:
        out.write(data)
        if durable:
            out.flush()
            os.fsync(out.fileno())
    replace(temporary, path, durable)


def replace(source: Path, target: Path, durable: bool = False) -> None:
    """Rename over `target`; with `durable` the folder is synced too, or the new name could be lost."""
    _step("rename", target)
    os.replace(source, target)
    if durable:
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a loss of power."""
    _step("sync", folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Write the content of `path` through to the disk."""
    _step("sync", path)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy(source: Path, target: Path, durable: bool = False) -> None:
    """Put the bytes of `source` at `target`, sharing extents where the filesystem can; atomic, own inode, mode 0644."""
    make_folder(target.parent)
    temporary = temporary_for(target)
    _step("copy", target)
    with open(source, "rb") as read, open(temporary, "wb") as write:
        if not _reflink(read, write):
            shutil.copyfileobj(read, write, 1 << 20)
        if durable:
            write.flush()
            os.fsync(write.fileno())
    replace(temporary, target, durable)


def _reflink(read: BinaryIO, write: BinaryIO) -> bool:
    try:
        fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
    except OSError as error:
        if error.errno not in _NO_REFLINK:
            raise
        return False
    return True


def protect(path: Path) -> None:
    """Take the right to write away: an object is never edited in place."""
    _step("chmod", path)
    path.chmod(0o444)


def remove(path: Path) -> None:
    """Remove a file; fine if it is gone."""
    _step("remove", path)
    path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder with everything in it; fine if it is gone."""
    if path.exists():
        _step("remove", path)
        shutil.rmtree(path)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove `folder` and its parents below `root` as far as they are empty."""
    while folder != root and root in folder.parents:
        _step("remove", folder)
        try:
            folder.rmdir()
        except OSError:  # not empty, or gone already
            return
        folder = folder.parent


def scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder in the order of their names; nothing if it does not exist."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)


def sweep(folder: Path) -> None:
    """Remove what an interrupted write left anywhere below `folder`."""
    for entry in scan(folder):
        if entry.is_dir(follow_symlinks=False):
            sweep(Path(entry.path))
        elif entry.name.startswith(TEMPORARY):
            remove(Path(entry.path))


class Appender:
    """A file that only grows. `append` buffers nothing: after it returns, a killed process loses nothing."""

    def __init__(self, path: Path, size: int | None = None) -> None:
        """Open `path`, cut to `size` bytes first where a torn tail has to go."""
        make_folder(path.parent)
        self.path = path
        _step("open", path)
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if size is not None and os.fstat(self._handle).st_size > size:
            _step("truncate", path)
            os.ftruncate(self._handle, size)
        self.size = os.lseek(self._handle, 0, os.SEEK_END)

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end."""
        _step("append", self.path)
        view = memoryview(data)
        while view:
            written = os.write(self._handle, view)
            self.size += written
            view = view[written:]

    def sync(self) -> None:
        """Survive a loss of power from here on."""
        _step("sync", self.path)
        os.fsync(self._handle)

    def close(self) -> None:
        """Release the file."""
        os.close(self._handle)


def clock(folder: Path) -> int:
    """The time of the filesystem itself in ns: the mtime of a file touched there (a server's clock may differ)."""
    path = folder / "clock"
    try:
        os.utime(path)
    except FileNotFoundError:
        path.touch()
    return path.stat().st_mtime_ns
