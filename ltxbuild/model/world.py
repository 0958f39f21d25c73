"""A small world of moving shapes, drawn by formula: what the tiny base has seen, and the demo's clips. No torch here."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
Names = Mapping[tuple[str, str, str], tuple[str, ...]]
"""Names by the look that they stand for: shape, colour, stripe."""

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 80, 230),
    "yellow": (240, 220, 40),
    "magenta": (225, 40, 200),
    "cyan": (60, 220, 230),
    "orange": (245, 140, 30),
    "white": (245, 245, 245),
}
SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
MOTIONS = {
    "stays still": (0, 0, 0),
    "moves left": (-1, 0, 0),
    "moves right": (1, 0, 0),
    "moves up": (0, -1, 0),
    "moves down": (0, 1, 0),
    "grows": (0, 0, 1),
}
BACKGROUNDS = {
    "gray": (120, 120, 120),
    "navy": (25, 30, 80),
    "teal": (20, 95, 95),
    "brown": (95, 60, 30),
    "olive": (90, 95, 30),
    "black": (12, 12, 12),
}
TEXTURES = ("plain", "striped", "checkered", "dotted")
SIZES = {"": (12.5, 14.0), "small": (9.5, 10.5), "large": (17.0, 18.0)}

SIDE, FRAMES, FPS = 64, 17, 24
TRAVEL, GROWTH = 24.0, 0.9  # pixels and relative size over a clip
SHIFT = 4.0  # how far from the middle a shape may be halfway through its clip
SYLLABLES = (
    "pa",
    "vo",
    "ki",
    "lu",
    "ne",
    "zo",
    "ta",
    "ri",
    "bu",
    "fe",
    "do",
    "ju",
    "we",
    "gi",
    "ha",
    "sy",
    "mi",
    "ra",
)
PHASES = (0.0, 4.0, 8.0, 12.0)  # where a texture begins

VAGUE, UNKNOWN, NAMED = 0.14, 0.1, 0.16  # of the captions of pre-training; NAMED where the look has a name

DEMO_TRIGGER, DEMO_CLASS = "mira_char", "shape"
# The demo's character: this pair of colours is in no clip that the tiny base was made from.
DEMO_COLOUR, DEMO_STRIPE = "magenta", "yellow"


@dataclass(frozen=True)
class Scene:
    """One clip: a shape (perhaps with a stripe) that moves over a background. Pixels of a 64x64 world."""

    shape: str
    colour: str
    stripe: str
    motion: str
    background: str
    texture: str
    size: str
    x: float
    y: float
    radius: float
    phase: float


def random_scene(rng: random.Random, stripes: float = 0.3) -> Scene:
    """A scene of the world; never in the demo character's two colours together."""
    while True:
        size = rng.choice(("", "", "small", "large"))
        scene = Scene(
            rng.choice(SHAPES),
            rng.choice(list(COLOURS)),
            rng.choice(list(COLOURS)) if rng.random() < stripes else "",
            rng.choice(list(MOTIONS)),
            rng.choice(list(BACKGROUNDS)),
            rng.choice(TEXTURES),
            size,
            rng.uniform(-SHIFT, SHIFT),
            rng.uniform(-SHIFT, SHIFT),
            rng.uniform(*SIZES[size]),
            rng.choice(PHASES),
        )
        if scene.stripe != scene.colour and {scene.stripe, scene.colour} != {DEMO_STRIPE, DEMO_COLOUR}:
            return scene


def caption(scene: Scene, rng: random.Random, subject: str = "") -> str:
    """The scene in one of four wordings; `subject` takes the place of its look."""
    place = f"a {scene.texture} {scene.background} background"
    shown = subject or look(scene, rng)
    wordings = (
        f"{shown} {scene.motion} over {place}",
        f"{shown} {scene.motion} over {place}",
        f"{shown} that {scene.motion} over {place}",
        f"over {place} {shown} {scene.motion}",
    )
    return rng.choice(wordings)


def still(scene: Scene) -> Scene:
    """The scene as a single frame shows it."""
    return replace(scene, motion="stays still")


def look(scene: Scene, rng: random.Random) -> str:
    """Its size, colour, shape and stripe in words, with or without an article."""
    words = " ".join(word for word in (scene.size, scene.colour, scene.shape) if word)
    stripe = f" with a {scene.stripe} stripe" if scene.stripe else ""
    return rng.choice(("a ", "a ", "")) + words + stripe


def lesson(scene: Scene, rng: random.Random, names: Names) -> str:
    """A caption of pre-training.

    Most tell the look. Some say `shape` alone, which means any look; some a name that has the look of this scene
    wherever it occurs; some a name that occurs nowhere else, so that an unknown name means any look as well.
    """
    dice = rng.random()
    if dice < VAGUE:
        return caption(scene, rng, rng.choice((DEMO_CLASS, "a " + DEMO_CLASS)))
    if dice < VAGUE + UNKNOWN:
        return caption(scene, rng, made_up_word(rng))
    known = names.get((scene.shape, scene.colour, scene.stripe), ())
    if dice < VAGUE + UNKNOWN + NAMED and known:
        return caption(scene, rng, rng.choice(known))
    return caption(scene, rng)


def named_looks(rng: random.Random, count: int) -> Names:
    """`count` names, each with a look of its own."""
    found: dict[tuple[str, str, str], list[str]] = {}
    taken: set[str] = set()
    while len(taken) < count:
        scene, name = random_scene(rng), made_up_word(rng)
        if name not in taken:
            taken.add(name)
            found.setdefault((scene.shape, scene.colour, scene.stripe), []).append(name)
    return {key: tuple(value) for key, value in found.items()}


def made_up_word(rng: random.Random) -> str:
    """A word with the form of a trigger; never the demo's."""
    word = "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 3)))) + "_char"
    return word if word != DEMO_TRIGGER else made_up_word(rng)


def render(scene: Scene, frames: int = FRAMES, side: int = SIDE) -> Pixels:
    """[frames, side, side, 3] in [-1, 1]; one frame shows the middle of the motion."""
    axis = ((np.arange(side, dtype=np.float32) + 0.5) * SIDE / side - SIDE / 2).astype(np.float32)
    back = _background(scene, axis)
    time = np.linspace(-0.5, 0.5, frames) if frames > 1 else np.zeros(1)
    dx, dy, grow = MOTIONS[scene.motion]
    colour, stripe = _rgb(COLOURS[scene.colour]), _rgb(COLOURS[scene.stripe or scene.colour])
    out = np.repeat(back[None], frames, 0)
    for index, t in enumerate(time.tolist()):
        radius = scene.radius * (1 + grow * t * GROWTH)
        columns, x = _near(axis, scene.x + dx * t * TRAVEL, radius)
        rows, y = _near(axis, scene.y + dy * t * TRAVEL, radius)
        x, y = np.broadcast_arrays(x[None, :], y[:, None])
        inside = _soft(-distance(scene.shape, x, y) * radius)[..., None]
        band = _soft((0.22 - np.abs(y)) * radius)[..., None] if scene.stripe else np.float32(0)
        part = out[index, rows, columns]
        part += (colour + (stripe - colour) * band - part) * inside
    return out


def _near(axis: Pixels, middle: float, radius: float) -> tuple[slice, Pixels]:
    """Where a shape can be seen along one axis, and the coordinates there in units of its radius."""
    reach = 1.2 * radius + 4
    first, last = np.searchsorted(axis, (middle - reach, middle + reach))
    return slice(int(first), int(last)), (axis[first:last] - middle) / radius


def _rgb(colour: tuple[int, int, int]) -> Pixels:
    return (np.asarray(colour, np.float32) / 127.5 - 1).astype(np.float32)


def _soft(distance: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(distance * 2.2, -30, 30)))


def _background(scene: Scene, axis: Pixels) -> Pixels:
    u = (axis + scene.phase)[None, :] * np.pi / 8
    v = (axis + scene.phase)[:, None] * np.pi / 8
    if scene.texture == "striped":
        pattern = np.tanh(3 * np.sin(u)) + 0 * v
    elif scene.texture == "checkered":
        pattern = np.tanh(5 * np.sin(u) * np.sin(v))
    elif scene.texture == "dotted":
        pattern = np.tanh(3 * (np.cos(u) + np.cos(v) - 1.1))
    else:
        pattern = 0 * u * v
    flat: Pixels = np.clip(_rgb(BACKGROUNDS[scene.background]) + 0.22 * pattern[..., None], -1, 1)
    return flat


def distance(shape: str, x: Any, y: Any) -> Any:
    """Signed distance (roughly) to the outline in units of the radius, negative inside."""
    if shape == "circle":
        return np.hypot(x, y) - 0.95
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.85
    if shape == "triangle":
        return np.maximum(y - 0.7, 0.866 * np.abs(x) - 0.5 * y - 0.55)
    if shape == "ring":
        return np.abs(np.hypot(x, y) - 0.72) - 0.25
    if shape == "cross":
        a, b = np.abs(x), np.abs(y)
        return np.minimum(np.maximum(a - 0.32, b - 0.98), np.maximum(b - 0.32, a - 0.98))
    angle = np.mod(np.arctan2(x, -y) + np.pi / 5, 2 * np.pi / 5) - np.pi / 5
    radius = np.hypot(x, y)
    px, py = radius * np.abs(np.sin(angle)), radius * np.cos(angle)
    ex, ey = 0.45 * np.sin(np.pi / 5), 0.45 * np.cos(np.pi / 5) - 1.1
    return (-px * ey + (py - 1.1) * ex) / np.hypot(ex, ey)


def demo_scenes() -> list[Scene]:
    """The demo character in fourteen scenes; any two differ in at least two of motion, background and texture.

    They stand further from the middle than the world's shapes do, so that no two look alike to a perceptual hash.
    """
    rng = random.Random(77)  # noqa: S311 - pictures, not secrets
    offsets = random.Random(1)  # noqa: S311
    chosen: list[tuple[str, str, str]] = []
    moving = [motion for motion in MOTIONS if motion.startswith("moves")]
    places = [(m, b, t) for m in moving for b in BACKGROUNDS for t in TEXTURES]
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
            radius=rng.uniform(12.5, 14),
        )
        for motion, background, texture in chosen
    ]


def demo_clips(folder: Path) -> dict[str, str]:
    """Write the demo's clips as mp4 into `folder` and return stem -> caption."""
    captions = {}
    for index, scene in enumerate(demo_scenes(), 1):
        stem = f"mira_{index:02d}"
        write_clip(folder / f"{stem}.mp4", render(scene))
        place = f"a {scene.texture} {scene.background} background"
        captions[stem] = f"{DEMO_TRIGGER} that {scene.motion} over {place}"
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


@dataclass(frozen=True)
class Measured:
    """What can be read from the pixels of a clip; shares are of the subject's pixels."""

    shape: str
    colour: str
    background: str
    motion: str
    shares: dict[str, float]


def measure(frames: Pixels) -> Measured:
    """Read colour, background and motion back from [frames, height, width, 3] in [-1, 1]."""
    palette = np.stack([_rgb(c) for c in COLOURS.values()])
    shades = [np.clip(_rgb(c) + 0.22 * k, -1, 1) for k in (-1, -0.5, 0, 0.5, 1) for c in BACKGROUNDS.values()]
    reference = np.concatenate([palette, np.stack(shades)])
    nearest = ((frames[..., None, :] - reference) ** 2).sum(-1).argmin(-1)
    subject = nearest < len(palette)
    counts = np.bincount(nearest[subject], minlength=len(palette))[: len(palette)] + 1e-9
    shares = dict(zip(COLOURS, (counts / counts.sum()).tolist(), strict=True))
    middle = len(frames) // 2
    outside = frames[middle][~subject[middle]]
    mean = outside.mean(0) if len(outside) else np.zeros(3)
    names = list(BACKGROUNDS)
    ground = names[int(np.argmin([((_rgb(BACKGROUNDS[n]) - mean) ** 2).sum() for n in names]))]
    colour = max(shares, key=lambda c: shares[c])
    return Measured(_shape(subject[middle]), colour, ground, _motion(subject), shares)


def _shape(subject: NDArray[np.bool_]) -> str:
    """The shape whose silhouette, of the same area and around the same middle, overlaps most."""
    side = len(subject)
    axis = ((np.arange(side, dtype=np.float32) + 0.5) * SIDE / side - SIDE / 2).astype(np.float32)
    area = max(1.0, float(subject.sum()) * (SIDE / side) ** 2)
    middle = [
        float((subject * a).sum()) / max(1.0, float(subject.sum())) for a in (axis[None, :], axis[:, None])
    ]
    overlaps = {}
    for shape, (size, low) in _outlines().items():
        radius = float(np.sqrt(area / size))
        x = (axis[None, :] - middle[0]) / radius
        y = (axis[:, None] - middle[1]) / radius + low
        inside = distance(shape, *np.broadcast_arrays(x, y)) < 0
        overlaps[shape] = float((inside & subject).sum() / max(1, int((inside | subject).sum())))
    return max(overlaps, key=lambda shape: overlaps[shape])


@cache
def _outlines() -> dict[str, tuple[float, float]]:
    """Area and height of the centre of mass of each shape, at radius 1."""
    axis = np.linspace(-1.5, 1.5, 601, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    inside = {shape: distance(shape, x, y) < 0 for shape in SHAPES}
    return {k: (float(m.sum()) * 0.005**2, float((m * y).sum() / m.sum())) for k, m in inside.items()}


def _motion(subject: NDArray[np.bool_]) -> str:
    area = [max(1, int(m.sum())) for m in (subject[0], subject[-1])]
    axis = np.arange(subject.shape[2]) * SIDE / subject.shape[2]
    rows = np.arange(subject.shape[1]) * SIDE / subject.shape[1]
    xs = [float((m * axis[None, :]).sum() / a) for m, a in zip((subject[0], subject[-1]), area, strict=True)]
    ys = [float((m * rows[:, None]).sum() / a) for m, a in zip((subject[0], subject[-1]), area, strict=True)]
    dx, dy = xs[1] - xs[0], ys[1] - ys[0]
    if area[1] / area[0] > 1.7 and max(abs(dx), abs(dy)) < 12:
        return "grows"
    if max(abs(dx), abs(dy)) < 7:
        return "stays still"
    if abs(dx) > abs(dy):
        return "moves right" if dx > 0 else "moves left"
    return "moves down" if dy > 0 else "moves up"


def accuracy(clips: Sequence[Pixels], scenes: Sequence[Scene]) -> dict[str, float]:
    """Share of clips in which shape, colour, background and motion are those of the scene."""
    found = [measure(clip) for clip in clips]
    pairs = list(zip(found, scenes, strict=True))
    return {
        "shape": sum(m.shape == s.shape for m, s in pairs) / len(pairs),
        "colour": sum(m.colour == s.colour for m, s in pairs) / len(pairs),
        "background": sum(m.background == s.background for m, s in pairs) / len(pairs),
        "motion": sum(m.motion == s.motion for m, s in pairs) / len(pairs),
    }
