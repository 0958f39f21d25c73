"""The trivial stage of the worlds, in a real worker."""

from __future__ import annotations

from ltxbuild.job import Job
from tests.engine.world import stage


def run(job: Job) -> None:
    """As `InProcess` does it."""
    there = [n for n, file in job.inputs.items() if n[1:].isdigit() and file]
    names = sorted(there, key=lambda n: (n[0] == "i", int(n[1:])))
    texts = [job.inputs[name].path.read_text() for name in names]
    members = [member["member"].path.read_text() for member in job.inputs.get("bag", [])]
    version = int(str(job.context["version"]))
    for name, data in stage(job.params, version, texts, members).items():
        (job.out / name).write_bytes(data)
