"""Every file operation of the engine, so that a test can stop it before any one of them. Knows no format.

A leftover of a killed process is a file whose name starts with TEMPORARY; `sweep` removes such files. What goes wrong
is raised as the ProjectError that tells the user what to do.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ltxbuild.engine.mishap import mishap
from ltxbuild.engine.reflink import reflink

TEMPORARY = ".ltxbuild-tmp-"

# A folder cannot be synced everywhere (SMB, some FUSE filesystems); there a rename is as lasting as it gets.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES}

# FAT and some network filesystems have no second names for a file.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.ENOTTY}

# Called with (operation, path) before each operation that changes the disk; only tests set it.
hook: Callable[[str, str], None] | None = None

_counter = itertools.count()


@contextmanager
def _step(operation: str, path: Path) -> Iterator[None]:
    if hook is not None:
        hook(operation, str(path))
    try:
        yield
    except OSError as error:
        raise mishap(error, str(path)) from error


def temporary_for(path: Path) -> Path:
    """A fresh name in the same folder, hence on the same filesystem, as `path`."""
    return path.with_name(f"{TEMPORARY}{os.getpid()}-{next(_counter)}")


@contextmanager
def _cleared(temporary: Path) -> Iterator[None]:
    # On a full disk the half of a file would take the room that is needed to go on.
    try:
        yield
    except BaseException:
        remove(temporary)
        raise


def make_folder(path: Path) -> None:
    """Create a folder and its parents; fine if it exists."""
    if not path.is_dir():
        with _step("mkdir", path):
            path.mkdir(parents=True, exist_ok=True)


def write_atomic(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace `path` by `data`: after a crash it holds either the old or the new bytes.

    With `durable` this also holds for a loss of power.
    """
    make_folder(path.parent)
    temporary = temporary_for(path)
    with _cleared(temporary):
        with _step("write", path), open(temporary, "wb") as out:
            out.write(data)
            if durable:
                out.flush()
                os.fsync(out.fileno())
        replace(temporary, path, durable)


def replace(source: Path, target: Path, durable: bool = False) -> None:
    """Rename over `target`; with `durable` the folder is synced too, or the new name could be lost."""
    with _step("rename", target):
        os.replace(source, target)
    if durable:
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a loss of power."""
    with _step("sync", folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(handle)


def sync_file(path: Path) -> None:
    """Write the content of `path` through to the disk."""
    with _step("sync", path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def copy(source: Path, target: Path, durable: bool = False) -> None:
    """Put the bytes of `source` at `target`, sharing extents where the filesystem can; atomic, own inode, mode 0644."""
    make_folder(target.parent)
    temporary = temporary_for(target)
    with _cleared(temporary):
        with _step("copy", target), open(source, "rb") as read, open(temporary, "wb") as write:
            if not reflink(read, write):
                shutil.copyfileobj(read, write, 1 << 20)
            if durable:
                write.flush()
                os.fsync(write.fileno())
        replace(temporary, target, durable)


def protect(path: Path) -> None:
    """Take the right to write away: an object is never edited in place."""
    with _step("chmod", path):
        path.chmod(0o444)


def remove(path: Path) -> None:
    """Remove a file; fine if it is gone."""
    with _step("remove", path):
        path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder with everything in it; fine if it is gone."""
    if path.exists():
        with _step("remove", path):
            shutil.rmtree(path)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove `folder` and its parents below `root` as far as they are empty."""
    while folder != root and root in folder.parents:
        with _step("remove", folder):
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone already
                return
        folder = folder.parent


def scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder in the order of their names; nothing if it does not exist."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)


def sweep(folder: Path, deep: bool = True) -> None:
    """Remove what an interrupted write left in `folder`, and with `deep` anywhere below it."""
    for entry in scan(folder):
        if entry.name.startswith(TEMPORARY):
            remove(Path(entry.path))
        elif deep and entry.is_dir(follow_symlinks=False):
            sweep(Path(entry.path))


class Appender:
    """A file that only grows. `append` buffers nothing: after it returns, a killed process loses nothing."""

    def __init__(self, path: Path, size: int | None = None) -> None:
        """Open `path`, cut to `size` bytes first where a torn tail has to go."""
        make_folder(path.parent)
        self.path = path
        fresh = not path.exists()
        with _step("open", path):
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if fresh:
                sync_folder(path.parent)
            if size is not None and os.fstat(self._handle).st_size > size:
                self._cut(size)
        except BaseException:
            self.close()
            raise
        self.size = os.lseek(self._handle, 0, os.SEEK_END)

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end, or nothing of it."""
        start = self.size
        try:
            with _step("append", self.path):
                view = memoryview(data)
                while view:
                    written = os.write(self._handle, view)
                    self.size += written
                    view = view[written:]
        except BaseException:
            # The half of a line would swallow the next one.
            if self.size > start:
                self._cut(start)
                self.size = os.lseek(self._handle, start, os.SEEK_SET)
            raise

    def _cut(self, size: int) -> None:
        with _step("truncate", self.path):
            os.ftruncate(self._handle, size)

    def sync(self) -> None:
        """Survive a loss of power from here on."""
        with _step("sync", self.path):
            os.fsync(self._handle)

    def close(self) -> None:
        """Release the file; fine if it is released already."""
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            os.close(handle)


def open_lock(path: Path) -> int:
    """A handle of a file that is only locked; created if need be."""
    with _step("open", path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def label_lock(handle: int, path: Path, text: bytes) -> None:
    """What the lock's file says: who holds it, or nothing."""
    with _step("label", path):
        os.ftruncate(handle, 0)
        os.pwrite(handle, text, 0)


def clock(folder: Path) -> int:
    """The time of the filesystem itself in ns: the mtime of a file touched there (a server's clock may differ)."""
    path = folder / "clock"
    with _step("touch", path):
        try:
            os.utime(path)
        except FileNotFoundError:
            path.touch()
        return path.stat().st_mtime_ns


def claim(source: Path, target: Path) -> bool:
    """Put `source` under the name `target` unless it is taken, even by another machine this moment; True if it was not.

    `source` may stay as a second name.
    """
    with _step("link", target):
        try:
            os.link(source, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            return True
    if target.exists():
        return False
    replace(source, target)
    return True
