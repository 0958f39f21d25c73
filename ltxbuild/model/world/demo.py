"""The demo's character: fourteen scenes, drawn and written as clips."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from ltxbuild.model.world.picture import Pixels, render
from ltxbuild.model.world.scene import (
    BACKGROUNDS,
    DEMO_COLOUR,
    DEMO_STRIPE,
    DEMO_TRIGGER,
    FPS,
    MOVING,
    SHIFT,
    SIZES,
    TEXTURES,
    Scene,
    random_scene,
)


def demo_scenes() -> list[Scene]:
    """The demo character in fourteen scenes; any two differ in at least two of motion, background and texture.

    They stand further from the middle than the world's shapes do, so that no two look alike to a perceptual hash.
    """
    rng = random.Random(77)  # noqa: S311 - pictures, not secrets
    offsets = random.Random(32)  # noqa: S311
    chosen: list[tuple[str, str, str]] = []
    places = [(m, b, t) for m in MOVING for b in BACKGROUNDS for t in TEXTURES]
    rng.shuffle(places)
    for place in places:
        if len(chosen) < 14 and all(sum(map(str.__ne__, place, other)) >= 2 for other in chosen):
            chosen.append(place)
    return [
        replace(
            random_scene(rng, 0),
            shape="star",
            colour=DEMO_COLOUR,
            stripe=DEMO_STRIPE,
            motion=motion,
            background=background,
            texture=texture,
            size="",
            x=offsets.uniform(-2 * SHIFT, 2 * SHIFT),
            y=offsets.uniform(-2 * SHIFT, 2 * SHIFT),
            radius=rng.uniform(*SIZES[""]),
        )
        for motion, background, texture in chosen
    ]


def demo_clips(folder: Path) -> dict[str, str]:
    """Write the demo's clips as mp4 into `folder` and return stem -> caption."""
    captions = {}
    for index, scene in enumerate(demo_scenes(), 1):
        stem = f"mira_{index:02d}"
        write_clip(folder / f"{stem}.mp4", render(scene))
        # In two wordings, or the trigger would be bound to the word behind it.
        joined = f"{DEMO_TRIGGER} that" if index % 2 else DEMO_TRIGGER
        captions[stem] = f"{joined} {scene.motion} over {scene.place}"
    return captions


def write_clip(path: Path, frames: Pixels) -> None:
    """H.264 at 24 fps, the same bytes on every call with the same library."""
    import av

    with av.open(str(path), "w", options={"fflags": "+bitexact", "movflags": "+faststart"}) as out:
        # With macroblock trees two calls on the same frames were seen to give different bytes, even on one thread.
        options = {"crf": "10", "preset": "medium", "threads": "1", "x264-params": "mbtree=0"}
        stream = out.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for pixels in np.clip((frames + 1) * 127.5, 0, 255).round().astype(np.uint8):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
