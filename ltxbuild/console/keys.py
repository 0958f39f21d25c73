"""Single keys of the terminal for a command that waits: Enter, and q to leave. Decides nothing."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from typing import Any

ENTER, LEAVE = "enter", "leave"
MEANING = {"\n": ENTER, "\r": ENTER, "q": LEAVE, "Q": LEAVE, "\x04": LEAVE}


class Keys:
    """Reads keys while it is open, if standard input is a terminal that belongs to this process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pressed: asyncio.Queue[str] = asyncio.Queue()
        self._handle = _own_terminal()
        self._before: list[Any] = []
        if self._handle is not None:
            self._before = termios.tcgetattr(self._handle)
            tty.setcbreak(self._handle)  # Ctrl-C stays a signal
            loop.add_reader(self._handle, self._read)

    @property
    def there(self) -> bool:
        """Whether anybody can press a key."""
        return self._handle is not None

    async def next(self) -> str:
        """Wait for Enter or a wish to leave."""
        return await self._pressed.get()

    def close(self) -> None:
        """Leave the terminal as it was found."""
        if self._handle is not None:
            self._loop.remove_reader(self._handle)
            termios.tcsetattr(self._handle, termios.TCSADRAIN, self._before)
            self._handle = None

    def _read(self) -> None:
        assert self._handle is not None
        try:
            typed = os.read(self._handle, 64)
        except OSError:  # the terminal is gone
            typed = b""
        if not typed:
            self._loop.remove_reader(self._handle)
        for sign in typed.decode("utf-8", "replace"):
            if sign in MEANING:
                self._pressed.put_nowait(MEANING[sign])


def _own_terminal() -> int | None:
    # A job in the background that touches the terminal's settings is stopped by the system.
    if not sys.stdin or not sys.stdin.isatty():
        return None
    handle = sys.stdin.fileno()
    return handle if os.tcgetpgrp(handle) == os.getpgrp() else None
