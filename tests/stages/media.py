"""Golden cases of the stages that read and write video: clips whose frames carry their number."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ltxbuild.job import File
from tests.fake_job import as_file
from tests.stages.bench import Bench
from tests.stages_media.footage import make_clip, make_still, numbered
from tests.stages_media.test_scan import moving, scene

Case = Callable[[Bench], Path]
Maker = Callable[[Bench], File]
WHOLE = {"start": None, "end": None}


def tone() -> Any:
    return (8000 * np.sin(np.arange(48000) / 20)).astype(np.int16)


def clip(name: str = "clip.mp4", **how: Any) -> Maker:
    return lambda bench: as_file(make_clip(bench.path(name), **how))


def still(bench: Bench) -> File:
    return as_file(make_still(bench.path("still.png"), numbered(5), "png", "rgb24"))


def text(bench: Bench) -> File:
    path = bench.path("clip.mp4")
    path.write_text("no video\n")
    return as_file(path)


CLIPS: dict[str, Maker] = {
    "fits": clip(),
    "25 fps with sound": clip(rate=25, frames=25, sound=tone()),
    "30000/1001 in Matroska": clip("clip.mkv", rate=Fraction(30000, 1001), frames=30),
    "variable": clip(times=[0, 0.04, 0.09, 0.2, 0.24, 0.4, 0.41, 0.6, 0.75, 0.8], frames=10),
    "turned": clip(rotation=-90, frames=12),
    "wide pixels": clip(aspect=Fraction(4, 3), frames=12),
    "still": still,
}


def probe(make: Maker) -> Case:
    return lambda bench: bench.run("probe", {"clip": make(bench)})


def looked_at(stage: str, make: Maker, **params: Any) -> Case:
    """A stage that takes a clip and what probe says about it."""

    def run(bench: Bench) -> Path:
        source = make(bench)
        facts = as_file(bench.run("probe", {"clip": source}) / "probe.json")
        return bench.run(stage, {"clip": source, "probe": facts}, **{**WHOLE, **params})

    return run


def preview(make: Maker, **sides: int) -> Case:
    return lambda bench: bench.run("preview", {"video": make(bench)}, **sides)


TWO_SHOTS = clip(pictures=[*moving(1, 20), *moving(2, 20)])
STANDS_STILL = clip(pictures=[*[np.zeros((64, 96, 3), np.uint8)] * 6, *moving(3, 12), *[scene(3, 11)] * 18])
AT_24 = {"fps": 24.0, "audio": True}

MEDIA: dict[str, dict[str, Case]] = {
    "probe": {**{name: probe(make) for name, make in CLIPS.items()}, "text": probe(text)},
    "scan": {
        "two shots": looked_at("scan", TWO_SHOTS),
        "cut": looked_at("scan", TWO_SHOTS, start=0.25, end=0.7),
        "black and still": looked_at("scan", STANDS_STILL),
        "variable": looked_at("scan", CLIPS["variable"]),
        "turned": looked_at("scan", CLIPS["turned"]),
        "a still": looked_at("scan", still),
        "nothing left": looked_at("scan", TWO_SHOTS, start=9.0),
        "text": looked_at("scan", text),
    },
    "transcode": {
        **{name: looked_at("transcode", make, **AT_24) for name, make in CLIPS.items()},
        "cut": looked_at("transcode", CLIPS["25 fps with sound"], **AT_24, start=0.2, end=0.7),
        "silent": looked_at("transcode", CLIPS["25 fps with sound"], fps=24.0, audio=False),
    },
    "preview": {
        "enlarged": preview(CLIPS["fits"], max_side=512, min_side=256),
        "reduced": preview(CLIPS["fits"], max_side=48, min_side=16),
    },
}
