"""A folder that is there whole or not at all: filled under another name beside it, then renamed. Knows no content."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ltxbuild.engine.files import TEMPORARY, sync_folder
from ltxbuild.engine.mishap import mishap
from ltxbuild.problem import fail


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` if nothing goes wrong. Raises ProjectError P106, P107 or D109.

    What a killed call left is removed by the next one for the same target.
    """
    if os.path.lexists(target):
        hint = "choose another folder, or move it away"
        raise fail("P106", f"{target} exists and is not overwritten", hint)
    # A name of fixed length: the target's own may be as long as a name can be.
    name = target.absolute().name.encode("utf-8", "surrogateescape").hex()[:80]
    filling = target.absolute().parent / f"{TEMPORARY}new-{name}"
    handle = _claim(target, filling)
    try:
        yield filling
        sync_folder(filling)
        try:
            filling.rename(target)
        except OSError as error:
            raise mishap(error, str(target)) from None
        sync_folder(target.absolute().parent)
    except BaseException:
        shutil.rmtree(filling, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _claim(target: Path, filling: Path) -> int:
    """Make the folder to fill ours, and empty; the lock goes when the process does."""
    try:
        filling.mkdir(parents=True, exist_ok=True)
        handle = os.open(filling, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise fail("P107", f"{target} cannot be written: {error.strerror}", "choose another folder") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = filling.exists() and os.path.samestat(os.fstat(handle), os.stat(filling))
    except BlockingIOError:
        ours = False
    if not ours:
        # Another call holds it, or finished and renamed it between our two steps.
        os.close(handle)
        raise fail("D109", f"another call is writing {target} at this moment", "wait until it is done")
    for left in list(filling.iterdir()):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()
    return handle
