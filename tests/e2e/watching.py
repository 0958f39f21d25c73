"""A running `ltxbuild watch --json`, its events, and the ways in which programs save files."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.e2e.project import command

Event = dict[str, Any]
# Generous: the machine may be busy. Nothing here proves speed.
PATIENCE = 90.0


class Watch:
    """One watch; its events are read by a thread and kept in `seen`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.seen: list[Event] = []
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            command(folder, "watch", "--json", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.errors: list[str] = []
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors += self.process.stderr

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def until(self, name: str, wanted: Callable[[Event], bool] = lambda event: True) -> Event:
        """The next event of that name that fits."""
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                break
            if event is None:
                raise AssertionError(f"the watch ended: {''.join(self.errors)}")
            self.seen.append(event)
            if event["event"] == name and wanted(event):
                return event
        raise AssertionError(f"no {name}: {self.seen[-30:]} {''.join(self.errors)}")

    def rest(self) -> list[Event]:
        """All events until the watch is idle, from here on."""
        before = len(self.seen)
        self.until("watching")
        return self.seen[before:]

    def quiet_for(self, seconds: float) -> None:
        """No event comes for so long."""
        try:
            event = self._events.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"unasked: {event}")

    def workers(self) -> set[str]:
        """The ids of the worker processes."""
        pid = self.process.pid
        return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


def of(events: list[Event], name: str) -> list[Event]:
    """The events of one name."""
    return [event for event in events if event["event"] == name]


def ran(events: list[Event]) -> list[str]:
    """The actions that were executed."""
    return [e["action"] for e in of(events, "finished") if e["state"] == "ran"]


def codes(events: list[Event]) -> set[str]:
    """The rules that found something."""
    return {event["code"] for event in of(events, "finding")}


def in_place(path: Path, data: bytes) -> None:
    """nano, VS Code: truncate, write."""
    with open(path, "wb") as out:
        out.write(data)


def in_pieces(path: Path, data: bytes) -> None:
    """A slow editor: truncate, then write in two goes."""
    with open(path, "wb", buffering=0) as out:
        out.write(data[: len(data) // 2])
        time.sleep(0.03)
        out.write(data[len(data) // 2 :])


def by_rename(path: Path, data: bytes) -> None:
    """gedit, Kate, JetBrains: a temporary file in the same folder, then rename."""
    temporary = path.with_name(f".goutputstream-{os.getpid()}")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def as_vim(path: Path, data: bytes) -> None:
    """vim: probe the folder with 4913, rename the old file to a backup, write a new one, delete the backup."""
    probe, backup = path.with_name("4913"), path.with_name(path.name + "~")
    probe.touch(mode=0o644)
    probe.chmod(0o644)
    probe.unlink()
    path.rename(backup)
    with open(path, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    path.chmod(0o644)
    backup.unlink()


def as_emacs(path: Path, data: bytes) -> None:
    """emacs: a lock that is a dangling symlink, an autosave, the old file renamed to a backup that stays."""
    lock, autosave = path.with_name(f".#{path.name}"), path.with_name(f"#{path.name}#")
    lock.symlink_to("mira@host.123:456")
    autosave.write_bytes(data)
    path.rename(path.with_name(path.name + "~"))
    path.write_bytes(data)
    autosave.unlink()
    lock.unlink()


SAVES = (in_place, in_pieces, by_rename, as_vim, as_emacs)
