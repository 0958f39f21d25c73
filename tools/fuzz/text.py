"""A project whose lora.toml or captions.toml is broken, through the command, in a process of its own."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from tools.fuzz.outcome import Outcome, Work, judged
from tools.fuzz.seeds import texts

LIMIT = 4 << 30
GIVE_UP = 30


class Projects:
    """A folder with two clips; each call writes its two files anew."""

    def __init__(self, folder: Path, clips: dict[str, bytes]) -> None:
        self.folder = folder
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        for name, source in (
            ("clip.mp4", "fits.mp4"),
            ("still.png", "still.png"),
            ("other.mp4", "sound.mp4"),
        ):
            (folder / "clips" / name).write_bytes(clips[source])

    def judge(self, name: str, data: bytes, verb: str) -> Outcome:
        """What `ltxbuild VERB` makes of the project with `data` as the file `name`."""
        for file, whole in texts().items():
            (self.folder / file).write_bytes(data if file == name else whole)
        said = self.folder / "said"
        begun, own = time.monotonic(), _resident()
        pid = os.fork()
        if pid == 0:
            _call(verb, self.folder, said)
        _, status, used = os.wait4(pid, 0)
        words = said.read_bytes().decode("utf-8", "replace")
        seconds = max(used.ru_utime + used.ru_stime, time.monotonic() - begun if status else 0)
        # The child begins with all that this process holds.
        return judged(*_verdict(status, words), seconds, max(0, used.ru_maxrss * 1024 - own), Work())


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _call(verb: str, folder: Path, said: Path) -> None:
    """In the child: run the command as it is, and end with its exit code; 99 for an exception."""
    os.chdir(folder)
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    # Whatever the caller has put in their place (a test's capture, say).
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(GIVE_UP)
    from ltxbuild.cli import main

    code = 99
    try:
        code = main([verb])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 that nothing escapes is what is asked
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def _verdict(status: int, words: str) -> tuple[str, str]:
    code = os.waitstatus_to_exitcode(status)
    last = words.strip().rpartition("\n")[2][:300]
    if code < 0:
        return ("HANG" if -code == signal.SIGALRM else "TRACEBACK"), f"ended by {signal.Signals(-code).name}"
    if code not in (0, 1, 2) or "Traceback (most recent call last)" in words:
        return "TRACEBACK", last
    if code == 0:
        return "ok", ""
    first = next((line for line in words.splitlines() if line.strip()), "")
    # A refusal without a word is none.
    return ("refused", first[:300]) if first else ("TRACEBACK", f"exit code {code} and not a word")
