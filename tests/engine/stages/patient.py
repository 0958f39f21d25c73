"""A stage that takes its time in steps, keeps them when it is interrupted, and goes on from there."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ltxbuild.job import Interrupted, Job


def run(job: Job) -> None:
    """`steps` steps of 20 ms; with `deaf` it does not listen to Ctrl-C. Each step is noted in the file `diary`."""
    kept = job.partial / "step"
    done = int(kept.read_text()) if kept.exists() else 0
    while done < int(str(job.params["steps"])):
        with Path(str(job.context["diary"])).open("a") as diary:
            diary.write(f"{os.getpid()} {job.params['name']} {done}\n")
        time.sleep(0.02)
        done += 1
        job.progress(done, int(str(job.params["steps"])), "steps")
        if job.interrupted() and not job.params["deaf"]:
            job.partial.mkdir(parents=True, exist_ok=True)
            kept.write_text(str(done))
            raise Interrupted
    (job.out / "out").write_text(f"{job.params['name']} took {done} steps")
