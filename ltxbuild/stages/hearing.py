"""What is heard in a clip, by a classifier of sounds. Judges nothing.

Inputs: video of the transcoded clip, listener. Output `hearing.json`: {"sounds": [[label, share], ...]}, the likeliest
first; none for a clip without sound.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ltxbuild.job import File, Job, Json, StageError, read_json, write_json
from ltxbuild.stages.media.decode import MediaError
from ltxbuild.stages.media.sound import read_sound

FULL = 32768


def run(job: Job) -> None:
    """Write hearing.json. Raises StageError for a clip or a model that cannot be read."""
    from ltxbuild.model.listener import open_listener

    video: File = job.inputs["video"]
    seconds = float(read_json(job.inputs["facts"].path)["duration"])
    listener = open_listener(Path(str(job.context["listener"])), str(job.context.get("device") or "cpu"))
    try:
        sound = read_sound(video.path, 0.0, seconds, listener.rate)
    except MediaError as error:
        raise StageError(f"the clip cannot be read: {error}") from error
    heard: list[Json] = []
    if sound is not None and len(sound):
        mono = sound.astype(np.float32).mean(axis=1) / FULL
        heard = [[label, round(share, 4)] for label, share in listener.labels(mono)]
    write_json(job.out / "hearing.json", {"sounds": heard})
