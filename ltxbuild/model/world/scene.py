"""Scenes of a small world, as plain values, and their captions. Draws nothing."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, replace

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
MOVING = tuple(motion for motion in MOTIONS if motion != "stays still")
BACKGROUNDS = {
    "gray": (120, 120, 120),
    "navy": (25, 30, 80),
    "teal": (20, 95, 95),
    "brown": (95, 60, 30),
    "olive": (90, 95, 30),
    "black": (12, 12, 12),
}
TEXTURES = ("plain", "striped", "checkered", "dotted", "shaded")
PATTERNED = ("striped", "checkered", "dotted")  # a pan shows on these alone
PANS = {"": 0, "left": 1, "right": -1}  # where the background moves when the camera pans
SIZES = {"": (14.5, 16.0), "small": (12.0, 13.0), "large": (19.0, 20.0)}

SIDE, FRAMES, FPS = 64, 9, 24
TRAVEL, GROWTH, PAN = 22.0, 0.9, 12.0  # pixels, relative size, pixels of the background over a clip
SHIFT = 4.0  # how far from the middle a shape may be halfway through its clip
PHASES = (0.0, 4.0, 8.0, 12.0)  # where a texture begins
PANNED = 0.25  # of the scenes with a pattern

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
    pan: str = ""

    @property
    def place(self) -> str:
        """What it moves over, in words."""
        return f"a {self.texture} {self.background} background"


def random_scene(rng: random.Random, stripes: float = 0.25, held_out: bool = False) -> Scene:
    """A scene of the world, never in the demo character's two colours together.

    Each shape with one of the colours, and each motion (but rest) over one of the backgrounds, are held out: no scene
    has them, or with `held_out` every scene has both.
    """
    while True:
        scene = _any_scene(rng, stripes)
        if scene.stripe == scene.colour or {scene.stripe, scene.colour} == {DEMO_STRIPE, DEMO_COLOUR}:
            continue
        rare = (
            _paired(SHAPES, scene.shape, COLOURS, scene.colour),
            _paired(MOVING, scene.motion, BACKGROUNDS, scene.background),
        )
        if rare == (held_out, held_out):
            return scene


def _any_scene(rng: random.Random, stripes: float) -> Scene:
    size, texture = rng.choice(("", "", "small", "large")), rng.choice(TEXTURES)
    return Scene(
        rng.choice(SHAPES),
        rng.choice(list(COLOURS)),
        rng.choice(list(COLOURS)) if rng.random() < stripes else "",
        rng.choice(list(MOTIONS)),
        rng.choice(list(BACKGROUNDS)),
        texture,
        size,
        rng.uniform(-SHIFT, SHIFT),
        rng.uniform(-SHIFT, SHIFT),
        rng.uniform(*SIZES[size]),
        rng.choice(PHASES),
        rng.choice(("left", "right")) if texture in PATTERNED and rng.random() < PANNED else "",
    )


def _paired(many: Collection[str], one: str, others: Collection[str], other: str) -> bool:
    """Whether two words are the pair that is held out of the captions of pre-training."""
    return one in many and list(others).index(other) == (list(many).index(one) + 2) % len(others)


def caption(scene: Scene, rng: random.Random, subject: str = "") -> str:
    """The scene in one of four wordings; `subject` takes the place of its look."""
    place = scene.place
    if scene.pan:
        place += f" as the camera pans {scene.pan}"
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
    return replace(scene, motion="stays still", pan="")


def look(scene: Scene, rng: random.Random) -> str:
    """Its size, colour, shape and stripe in words, with or without an article."""
    words = " ".join(word for word in (scene.size, scene.colour, scene.shape) if word)
    stripe = f" with a {scene.stripe} stripe" if scene.stripe else ""
    return rng.choice(("a ", "a ", "")) + words + stripe
