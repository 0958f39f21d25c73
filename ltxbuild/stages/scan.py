"""One look at every frame of a clip, small: the facts that lint judges. Judges nothing itself.

Inputs: clip, probe. Params: start, end (seconds from the first frame, or null). Outputs: `scan.json`: `error`
null or {"code", "message"}; `frames`, `duration` between start and end; `source_frames` decoded in all,
`damaged` packets; `times_irregularity`; per frame `luma_mean` (0 to 255), `black_share`, `diff` (mean
absolute luma difference to the frame before, 0 to 1); `cuts` [{"time", "score"}] and `frozen` [[from, to]] in
seconds of the clip's own time; `flashes` and `dissolves` [time]; `hash` 5 perceptual hashes of 16 hex digits, `mirrored`
those of the mirrored frames, `ends` those of the first and the last frame; `sound` null or {"level" dBFS, "clipped"
share}; and what the observers of stages/media say: bars, sharpness, camera, combing, lettering, layout. `strip.jpg`: six
pictures in a row. `moments.json`: `first_black` the time of the first black frame, or null; `size` of a picture, `shown`
[{"time", "pictures": how many}]; `moments.jpg`: these pictures in a row (empty without any). `readable.json`: {"ok",
"why"}, the guard of transcoding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ltxbuild.job import Job, Json, JsonDict, read_json, write_json
from ltxbuild.stages.media.bars import Bars
from ltxbuild.stages.media.camera import Camera
from ltxbuild.stages.media.combing import Combing
from ltxbuild.stages.media.cuts import find_cuts, find_frozen
from ltxbuild.stages.media.decode import MediaError, Tally, frames, open_media
from ltxbuild.stages.media.layout import Layout
from ltxbuild.stages.media.lettering import Lettering
from ltxbuild.stages.media.loudness import loudness
from ltxbuild.stages.media.measures import (
    BLACK_FRAME,
    Floats,
    black_share,
    content_change,
    hsv,
    luma,
    picture_hash,
    shrink,
)
from ltxbuild.stages.media.moments import find_moments
from ltxbuild.stages.media.picture import orientation_in, small_picture, small_size
from ltxbuild.stages.media.resample import TIE
from ltxbuild.stages.media.seen import Observer, Seen
from ltxbuild.stages.media.sharpness import Sharpness
from ltxbuild.stages.media.shots import find_dissolves, find_flashes
from ltxbuild.stages.media.strip import Sampler, write_strip

SIDE = 160  # longer side of the pictures that are measured
HASHES = 5
KEPT = 480  # pictures in memory, from which the strip and the moments are taken
# Fewer decoded frames than declared by more than this means a truncated file; edit lists explain one or two.
MISSING_FRAMES, MISSING_SHARE, MISSING_SECONDS = 2, 0.02, 0.25


@dataclass
class Scan:
    """What was seen so far, frame by frame."""

    times: list[float] = field(default_factory=list)
    light: list[float] = field(default_factory=list)
    black: list[float] = field(default_factory=list)
    diff: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    small: list[Floats] = field(default_factory=list)
    strip: Sampler = field(default_factory=lambda: Sampler(KEPT))
    close: float = 0.0  # end of the last frame in the range
    source_close: float = 0.0  # end of the last frame of the file
    complete: bool = True  # false when the range ended before the file
    tally: Tally = field(default_factory=Tally)
    observers: tuple[Observer, ...] = field(
        default_factory=lambda: (
            Bars(),
            Sharpness(),
            Camera(),
            Combing(),
            Lettering(),
            Layout(),
        )
    )
    sound: JsonDict | None = None
    origin: float = 0.0  # the file's time of its first frame


def run(job: Job) -> None:
    """Write scan.json, the pictures and readable.json; a clip that cannot be used is a result, no exception."""
    path: Path = job.inputs["clip"].path
    probe: dict[str, Any] = read_json(job.inputs["probe"].path)
    start = float(str(job.params.get("start") or 0.0))
    end = job.params.get("end")
    scan = Scan()
    error: JsonDict | None = probe["error"]
    if error is None:
        try:
            _look(job, path, probe, scan, start, None if end is None else float(str(end)))
            error = _fault(probe, scan, start)
            if error is None and probe["audio"]:
                scan.sound = loudness(path, scan.origin + scan.times[0], scan.close - scan.times[0])
        except MediaError as failure:
            error = {"code": "CLP001", "message": str(failure)}
    facts = _facts(scan)
    write_json(job.out / "scan.json", {"error": error, **facts})
    _write_moments(job, scan, facts)
    write_json(
        job.out / "readable.json", {"ok": error is None, "why": str(error["message"]) if error else ""}
    )
    write_strip(job.out / "strip.jpg", scan.strip.spread())


def _write_moments(job: Job, scan: Scan, facts: JsonDict) -> None:
    """In a file of their own: the split of the clips goes by the digest of scan.json, which no picture may change."""
    black = (time for time, share in zip(scan.times, scan.black, strict=True) if share >= BLACK_FRAME)
    first = next((round(time, 4) for time in black), None)
    found = [(moment.time, moment.pictures(scan.strip)) for moment in find_moments(facts, first, scan.times)]
    pictures = [picture for _, several in found for picture in several]
    height, width = pictures[0].shape[:2] if pictures else (0, 0)
    shown: list[Json] = [{"time": time, "pictures": len(several)} for time, several in found]
    write_json(job.out / "moments.json", {"first_black": first, "size": [width, height], "shown": shown})
    if pictures:
        write_strip(job.out / "moments.jpg", pictures)
    else:
        (job.out / "moments.jpg").write_bytes(b"")


def _look(job: Job, path: Path, probe: dict[str, Any], scan: Scan, start: float, end: float | None) -> None:
    orientation, size = orientation_in(probe), small_size(probe, SIDE)
    image = probe["kind"] == "image"
    origin: float | None = None
    before: tuple[Floats, Floats] | None = None
    with open_media(path) as media:
        for timed in frames(media, scan.tally):
            origin = timed.time if origin is None else origin
            scan.origin, time = origin, timed.time - origin
            if end is not None and time >= end - TIE and not image:
                scan.complete = False
                break
            scan.source_close = time + timed.duration
            if time < start - TIE and not image:
                continue
            picture = small_picture(timed.image, size, orientation)
            before = _measure(scan, Seen(time, picture, luma(picture), timed.image), before)
            scan.close = scan.source_close if end is None else min(end, scan.source_close)
            job.progress(len(scan.times), max(len(scan.times), probe["declared_frames"] or 0), "frames")
            if image:
                break


def _measure(scan: Scan, seen: Seen, before: tuple[Floats, Floats] | None) -> tuple[Floats, Floats]:
    light, colour = seen.light, hsv(seen.picture)
    for observer in scan.observers:
        observer.see(seen)
    scan.times.append(seen.time)
    scan.light.append(float(light.mean()))
    scan.black.append(black_share(light))
    scan.diff.append(0.0 if before is None else float(np.abs(light - before[0]).mean()) / 255)
    scan.change.append(0.0 if before is None else content_change(before[1], colour))
    scan.small.append(shrink(light))
    scan.strip.add(seen.picture)
    return light, colour


def _fault(probe: dict[str, Any], scan: Scan, start: float) -> JsonDict | None:
    """A truncated file, or a range that holds nothing."""
    seen = scan.tally.frames
    if scan.complete and probe["kind"] == "video":
        declared = probe["declared_frames"]
        if declared and declared - scan.tally.hidden - seen > max(MISSING_FRAMES, MISSING_SHARE * declared):
            message = f"the file breaks off: {seen} of {declared} frames can be decoded"
            return {"code": "CLP002", "message": message}
        # A container that states one length for all streams may mean the audio's.
        slack = MISSING_SECONDS if probe["declared_exact"] else max(1.0, 0.2 * probe["duration"])
        if not declared and probe["duration"] - scan.source_close > slack:
            message = (
                f"the file breaks off: {scan.source_close:.2f} of {probe['duration']:.2f} s can be decoded"
            )
            return {"code": "CLP002", "message": message}
    if not scan.times:
        message = f"nothing is left of the clip: start = {start:g}, its length is {scan.source_close:.2f} s"
        return {"code": "CLP003", "message": message}
    return None


def _facts(scan: Scan) -> JsonDict:
    gaps = [after - before for before, after in pairwise(scan.times)]
    middle = median(gaps) if gaps else 0.0
    flashes = find_flashes(scan.small)
    lit = {i for flash in flashes for i in (flash, flash + 1)}  # into a flash and out of it is no cut
    cuts: list[Json] = [
        {"time": round(scan.times[i], 4), "score": score}
        for i, score in find_cuts(scan.change)
        if i not in lit
    ]
    frozen = find_frozen(scan.times, scan.diff)
    found: JsonDict = {
        "frames": len(scan.times),
        "duration": round(scan.close - scan.times[0], 4) if scan.times else 0.0,
        "source_frames": scan.tally.frames,
        "damaged": scan.tally.failed,
        "times_irregularity": round((max(gaps) - min(gaps)) / middle, 4) if middle else 0.0,
        "luma_mean": [round(x, 2) for x in scan.light],
        "black_share": [round(x, 4) for x in scan.black],
        "diff": [round(x, 6) for x in scan.diff],
        "cuts": cuts,
        "frozen": [[round(a, 4), round(b, 4)] for a, b in frozen],
        "flashes": [round(scan.times[i], 4) for i in flashes],
        "dissolves": [round(time, 4) for time in find_dissolves(scan.times, scan.small)],
        "hash": [*_hashes(scan.small)],
        "ends": [picture_hash(light) for light in (scan.small[:1] + scan.small[-1:])],
        "mirrored": [*_hashes([np.ascontiguousarray(light[:, ::-1]) for light in scan.small])],
        "sound": scan.sound,
    }
    for observer in scan.observers:
        found.update(observer.facts())
    return found


def _hashes(small: list[Floats]) -> list[str]:
    """Hashes of five frames from the middles of equal parts of the clip."""
    if not small:
        return []
    places = [int((i + 0.5) * len(small) / HASHES) for i in range(HASHES)]
    return [picture_hash(small[i]) for i in places]
