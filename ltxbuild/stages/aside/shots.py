"""Where the shots of long footage begin, and which stretches are black or stand still. Run by `split`, in no build.

Inputs: clip, probe. Output `shots.json`: `duration`, `cuts` [time], `black` and `frozen` [[from, to]], in seconds from the
first frame. The detector is that of lint's PIX101, so that a clip cut at these times has no cut inside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ltxbuild.job import Job, StageError, read_json, write_json
from ltxbuild.stages.media.cuts import find_cuts, find_frozen
from ltxbuild.stages.media.decode import MediaError, frames, open_media
from ltxbuild.stages.media.measures import Floats, black_share, content_change, hsv, luma, shrink
from ltxbuild.stages.media.picture import orientation_in, small_picture, small_size
from ltxbuild.stages.media.shots import find_flashes

SIDE = 160
BLACK = 0.98  # of the pixels


def run(job: Job) -> None:
    """Write shots.json. Raises StageError for a file that cannot be decoded."""
    path: Path = job.inputs["clip"].path
    probe: dict[str, Any] = read_json(job.inputs["probe"].path)
    orientation, size = orientation_in(probe), small_size(probe, SIDE)
    times: list[float] = []
    change, diff, small, dark = [0.0], [0.0], [], []
    before: tuple[Floats, Floats] | None = None
    close = 0.0
    try:
        with open_media(path) as media:
            for timed in frames(media):
                picture = small_picture(timed.image, size, orientation)
                light, colour = luma(picture), hsv(picture)
                if before is not None:
                    change.append(content_change(before[1], colour))
                    diff.append(float(np.abs(light - before[0]).mean()) / 255)
                before = light, colour
                times.append(timed.time)
                small.append(shrink(light))
                dark.append(black_share(light) >= BLACK)
                close = timed.time + timed.duration
                job.progress(timed.time - times[0], timed.time - times[0], "s")
    except MediaError as error:
        raise StageError(f"it cannot be read: {error}") from error
    if not times:
        raise StageError("no frame of it can be decoded")
    own = [time - times[0] for time in times]
    lit = {i for flash in find_flashes(small) for i in (flash, flash + 1)}
    write_json(
        job.out / "shots.json",
        {
            "duration": round(close - times[0], 4),
            "cuts": [round(own[i], 4) for i, _ in find_cuts(change) if i not in lit],
            "black": _runs(own, dark, close - times[0]),
            "frozen": [[round(a, 4), round(b, 4)] for a, b in find_frozen(own, diff)],
        },
    )


def _runs(times: list[float], wanted: list[bool], close: float) -> list[list[float]]:
    """Stretches of frames for which something holds."""
    found: list[list[float]] = []
    for i, holds in enumerate(wanted):
        end = times[i + 1] if i + 1 < len(times) else close
        if holds and found and found[-1][1] == round(times[i], 4):
            found[-1][1] = round(end, 4)
        elif holds:
            found.append([round(times[i], 4), round(end, 4)])
    return found
