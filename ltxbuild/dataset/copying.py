"""One clip from a source to a file: sharing extents where the file system can, and no byte more than was listed."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

from ltxbuild.dataset.source import Source, unreadable
from ltxbuild.engine.mishap import mishap
from ltxbuild.engine.reflink import reflink
from ltxbuild.problem import Problem

PIECE = 1 << 20


def copy_out(source: Source, path: str, target: Path) -> Problem | None:
    """Write the file at `path` of the source to `target`. Returns what is wrong with the source, if anything.

    Raises ProjectError B130 to B133 where the target cannot be written.
    """
    try:
        read = source.open(path)
    except (OSError, ValueError) as error:
        return unreadable(path, error)
    with read:
        try:
            write = open(target, "xb")  # noqa: SIM115 closed below; another `with` would hide whose error it is
        except OSError as error:
            raise mishap(error, str(target)) from None
        with write:
            if isinstance(read, io.BufferedReader) and reflink(read, write):
                return None
            return _copy(read, write, path, source.files[path])


def _copy(read: BinaryIO, write: BinaryIO, path: str, size: int) -> Problem | None:
    done = 0
    while True:
        try:
            piece = read.read(PIECE)
        except (OSError, ValueError) as error:
            return unreadable(path, error)
        if not piece:
            break
        done += len(piece)
        if done > size:
            break
        try:
            write.write(piece)
        except OSError as error:
            raise mishap(error, path) from None
    write.flush()
    os.fsync(write.fileno())
    if done != size:
        return Problem("D108", f"{path} changed while it was copied", hint="import again, once it is at rest")
    return None
