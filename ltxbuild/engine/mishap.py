"""What a file operation that went wrong means to the user, and what to do about it. Touches no file."""

from __future__ import annotations

import errno

from ltxbuild.problem import ProjectError, fail

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
GONE = frozenset({errno.ENOENT, errno.ESTALE})

_KEPT = "what was finished is kept"


def mishap(error: OSError, path: str) -> ProjectError:
    """The problem that stands for `error`, met while `path` was written, moved or removed."""
    if error.errno in FULL:
        hint = f"free some space and build again: {_KEPT}"
        return fail("B130", f"the disk is full: {path} could not be written", hint, 1)
    if error.errno in FORBIDDEN:
        hint = "give yourself the right to write there, or build in a copy of the folder"
        return fail("B131", f"{path} may not be changed: {error.strerror}", hint, 1)
    if error.errno in GONE:
        path = error.filename or path  # what was read, where something was moved or copied
        hint = f"build again, and let nothing else change .ltxbuild or build/ meanwhile: {_KEPT}"
        return fail("B132", f"{path} vanished while it was being used", hint, 1)
    hint = f"see to the disk, then build again: {_KEPT}"
    return fail("B133", f"{path} could not be written: {error.strerror or error}", hint, 1)


def unreadable(error: OSError, path: str) -> ProjectError:
    """The problem of a file of ours that is there and cannot be read."""
    hint = "give yourself the right to read it, or delete it: that costs only time"
    return fail("B134", f"{path} cannot be read: {error.strerror or error}", hint)
