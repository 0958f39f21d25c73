"""A worker process: reads jobs as JSON lines, runs one stage after the other. Knows nothing of fingerprints or stores.

It dies when its standard input closes, so that no work goes on without the build that asked for it.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import queue
import resource
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ltxbuild.job import Interrupted, Json, StageError, Wanted, decode_input

# What is wrong with the disk is no bug of a stage.
DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EROFS: "the disk is read-only",
}
MESSAGE_LIMIT = 4000
# In the order of what they cost: swapping leaves every result as it is, quantizing trains anew.
GPU_FULL = (
    'the GPU has too little memory: close other programs that use it, or set swap = "all" under [memory], then '
    'quantize = "int8"; a smaller [train] batch (with accumulate) or [bucket] budget take less, too. '
    "What was trained before is kept"
)


class WorkerJob:
    """One job, as the stage sees it."""

    def __init__(self, message: dict[str, Any], send: Any, stop: threading.Event) -> None:
        self.params: Mapping[str, Json] = message["params"]
        self.context: Mapping[str, Json] = message["context"]
        self.inputs: Mapping[str, Any] = decode_input(message["inputs"])
        self.out = Path(message["out"])
        self.partial = Path(message["partial"])
        self._send, self._stop = send, stop

    def progress(self, done: float, total: float, unit: str, **figures: float) -> None:
        """Tell the build how far the work is."""
        self._send({"kind": "progress", "done": done, "total": total, "unit": unit, "figures": figures})

    def note(self, text: str) -> None:
        """Write a line to the log of this action."""
        print(text, flush=True)

    def interrupted(self) -> bool:
        """True once the build was asked to stop."""
        return self._stop.is_set()


def _read(jobs: queue.SimpleQueue[tuple[dict[str, Any], threading.Event]]) -> None:
    # Each job has its own sign to stop: one that comes when its job has just ended must not stop the next.
    stop = threading.Event()
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["kind"] == "interrupt":
            stop.set()
        else:
            stop = threading.Event()
            jobs.put((message, stop))
    os._exit(1)  # the build is gone: not even a computation in C may outlive it


def _run(package: str, message: dict[str, Any], send: Any, stop: threading.Event) -> dict[str, Json]:
    try:
        with open(message["log"], "wb", buffering=0) as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        import_module(f"{package}.{message['stage']}").run(WorkerJob(message, send, stop))
    except StageError as error:
        return {"kind": "failed", "message": str(error)[:MESSAGE_LIMIT], "bug": False}
    except Wanted as wanted:
        return {"kind": "wants", "message": wanted.digest}
    except Interrupted:
        return {"kind": "interrupted"}
    except MemoryError:
        return {"kind": "failed", "message": "it needs more memory than its limit", "bug": False}
    except Exception as error:  # noqa: BLE001 - the process boundary: whatever a stage raises is reported as a bug
        return _unexplained(error)
    return {"kind": "done"}


def _unexplained(error: Exception) -> dict[str, Json]:
    if isinstance(error, OSError) and error.errno in DISK:
        return {"kind": "failed", "message": f"{DISK[error.errno]}: {error.filename or error}", "bug": False}
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which this file does not import
        return {"kind": "failed", "message": GPU_FULL, "bug": False}
    with suppress(OSError):  # the log may be what cannot be written
        traceback.print_exc()
    return {"kind": "failed", "message": f"{type(error).__name__}: {error}"[:MESSAGE_LIMIT], "bug": True}


def main() -> None:
    """Serve jobs until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stages", default="ltxbuild.stages")
    parser.add_argument("--replies", type=int, required=True)
    parser.add_argument(
        "--memory", type=int, default=0, help="limit of the address space in bytes, 0 for none"
    )
    args = parser.parse_args()
    if args.memory:
        resource.setrlimit(resource.RLIMIT_AS, (args.memory, args.memory))
    replies = os.fdopen(args.replies, "wb", buffering=0)
    lock = threading.Lock()

    def send(message: dict[str, Json]) -> None:
        with lock:
            replies.write(json.dumps(message).encode() + b"\n")

    jobs: queue.SimpleQueue[tuple[dict[str, Any], threading.Event]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    while True:
        message, stop = jobs.get()
        send(_run(args.stages, message, send, stop))
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    main()
