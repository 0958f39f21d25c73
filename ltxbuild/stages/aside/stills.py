"""Pictures of one clip at given instants. Chooses none of them.

Inputs: clip, probe. Params: rows [[seconds from the first frame, ...], ...], side (of the pictures, at most), frames
(whether the first row is wanted as numbers too). Outputs: `row-0000.jpg` and so on, the pictures of a row side by
side; `frames.npy` [n, height, width, 3] uint8 RGB, those of the first row, if wanted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ltxbuild.job import Job, StageError, read_json
from ltxbuild.stages.media.decode import MediaError, frames, open_media
from ltxbuild.stages.media.measures import Picture
from ltxbuild.stages.media.picture import orientation_in, small_picture, small_size
from ltxbuild.stages.media.resample import TIE
from ltxbuild.stages.media.strip import write_strip


def run(job: Job) -> None:
    """Write the rows. Raises StageError for a clip that cannot be read or has no frame."""
    path: Path = job.inputs["clip"].path
    probe: dict[str, Any] = read_json(job.inputs["probe"].path)
    params: dict[str, Any] = dict(job.params)
    if probe["error"]:
        raise StageError(str(probe["error"]["message"]))
    rows: list[list[float]] = params["rows"]
    try:
        pictures = _pictures(path, probe, sorted({time for row in rows for time in row}), int(params["side"]))
    except MediaError as error:
        raise StageError(str(error)) from error
    for number, row in enumerate(rows):
        write_strip(job.out / f"row-{number:04d}.jpg", [pictures[time] for time in row])
    if params["frames"]:
        np.save(job.out / "frames.npy", np.stack([pictures[time] for time in rows[0]]))


def _pictures(path: Path, probe: dict[str, Any], wanted: list[float], side: int) -> dict[float, Picture]:
    """At each instant the frame that is on screen: the last one that began by then, the first before any did."""
    orientation, size = orientation_in(probe), small_size(probe, side)
    found: dict[float, Picture] = {}
    shown = None
    origin = 0.0
    with open_media(path) as media:
        for timed in frames(media):
            origin = timed.time if shown is None else origin
            while shown is not None and len(found) < len(wanted):
                due = wanted[len(found)]
                if timed.time - origin <= due + TIE:
                    break
                found[due] = small_picture(shown, size, orientation)
            if len(found) == len(wanted):
                return found
            shown = timed.image
    if shown is None:
        raise MediaError("no frame of it can be decoded")
    last = small_picture(shown, size, orientation)
    return {**dict.fromkeys(wanted, last), **found}
