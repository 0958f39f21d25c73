"""Runs the command on a terminal of its own and types."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Mapping


def on_terminal(keys: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What is shown; the command has to end well."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "ltxbuild", *arguments],
        stdin=slave, stdout=slave, stderr=slave, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    os.close(slave)
    os.write(master, keys.encode())
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        shown += data
    os.close(master)
    assert child.wait(60) == 0, shown
    return shown.decode("utf-8", "replace")
