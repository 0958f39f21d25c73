"""A stage that writes more than a small disk holds, or raises what it is told to."""

from __future__ import annotations

from ltxbuild.job import Job, StageError


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


def run(job: Job) -> None:
    """Writes `bytes` zeros, or fails with `words`."""
    if job.params["words"] == "GPU":
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if job.params["words"]:
        raise StageError(str(job.params["words"]))
    with (job.out / "out").open("wb") as out:
        out.write(bytes(int(str(job.params["bytes"]))))
