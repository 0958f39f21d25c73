"""Further processes for one training job, one a GPU: started, joined and ended with it. Knows no model.

python -m ltxbuild.stages.crew    reads what to do from standard input, and ends when that closes
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltxbuild.job import Job, Json, StageError, decode_input, encode_input

if TYPE_CHECKING:
    from ltxbuild.model.ranks import Ranks


@dataclass(frozen=True)
class Share:
    """The job as a further process sees it: it writes nothing, tells nothing and is ended from outside."""

    params: Mapping[str, Json]
    context: Mapping[str, Json]
    inputs: Mapping[str, Any]
    partial: Path
    out: Path

    def progress(self, done: float, total: float, unit: str, **figures: float) -> None:
        """The first process tells it."""

    def note(self, text: str) -> None:
        """The first process writes it."""

    def interrupted(self) -> bool:
        """The first process listens."""
        return False


@contextmanager
def crew(job: Job, samples: int) -> Iterator[Ranks]:
    """As many processes as the machine has GPUs for, never more than a step has samples; this one is the first.

    Raises StageError if one of the others ends before this one.
    """
    from ltxbuild.model.ranks import Ranks, joined

    world = min(int(str(job.context.get("gpus") or 1)), samples)
    if world == 1:
        yield Ranks()
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ltxbuild-")))
        others = [_start(job, rank, world, folder / "meeting", stack) for rank in range(1, world)]
        try:
            with joined(
                Ranks(0, world), folder / "meeting", str(job.context.get("device") or "cpu")
            ) as ranks:
                yield ranks
        except RuntimeError as error:
            codes = [other.poll() for other in others]
            if not any(codes):
                raise
            raise StageError(
                f"one of the {world} training processes ended; its last words are in the log"
            ) from error


def _start(job: Job, rank: int, world: int, meeting: Path, stack: ExitStack) -> subprocess.Popen[bytes]:
    device = str(job.context.get("device") or "cpu")
    task = {
        "params": job.params,
        "context": {**job.context, "device": device if device == "cpu" else f"cuda:{rank}"},
        "inputs": {name: encode_input(node) for name, node in job.inputs.items()},
        "partial": str(job.partial),
        "out": str(job.out),
        "ranks": [rank, world],
        "meeting": str(meeting),
    }
    other = subprocess.Popen([sys.executable, "-m", "ltxbuild.stages.crew"], stdin=subprocess.PIPE)
    stack.callback(_end, other)
    assert other.stdin is not None
    other.stdin.write(json.dumps(task).encode() + b"\n")
    other.stdin.flush()
    return other


def _end(other: subprocess.Popen[bytes]) -> None:
    if other.stdin is not None:
        other.stdin.close()
    try:
        other.wait(timeout=10)
    except subprocess.TimeoutExpired:
        other.kill()
        other.wait()


def _die_with_the_first() -> None:
    # Of the file itself: at the end of the interpreter nobody may hold the lock of a buffer.
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> None:
    """Take part in one training."""
    from ltxbuild.model.ranks import Ranks, joined
    from ltxbuild.stages.train import train

    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_die_with_the_first, daemon=True).start()
    inputs = {name: decode_input(node) for name, node in task["inputs"].items()}
    share = Share(task["params"], task["context"], inputs, Path(task["partial"]), Path(task["out"]))
    with joined(Ranks(*task["ranks"]), Path(task["meeting"]), str(task["context"]["device"])) as ranks:
        train(share, ranks)


if __name__ == "__main__":
    main()
