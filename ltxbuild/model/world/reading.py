"""Reads shape, colour, background and motion back from pixels: the ground truth of the tiny base."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltxbuild.model.world.picture import SHADE, Pixels, distance, rgb, soft
from ltxbuild.model.world.scene import BACKGROUNDS, COLOURS, SHAPES, SIDE, Scene

SEEN = 0.06  # share of the subject's pixels from which a colour is one of its own
GROWN = (0.95, 1.05, 1.15, 1.3)  # sizes tried, against the size that its solid part suggests
ASIDE = np.array([-1.5, 0, 1.5], np.float32)  # places tried, in pixels from its middle


@dataclass(frozen=True)
class Measured:
    """What can be read from the pixels of a clip; shares are of the subject's pixels."""

    shape: str
    colour: str
    background: str
    motion: str
    shares: dict[str, float]


def measure(frames: Pixels) -> Measured:
    """Read shape, colour, background and motion back from [frames, height, width, 3] in [-1, 1]."""
    palette = np.stack([rgb(c) for c in COLOURS.values()])
    shades = [np.clip(rgb(c) + SHADE * k, -1, 1) for k in (-1, -0.5, 0, 0.5, 1) for c in BACKGROUNDS.values()]
    reference = np.concatenate([palette, np.stack(shades)])
    nearest = ((frames[..., None, :] - reference) ** 2).sum(-1).argmin(-1)
    subject = nearest < len(palette)
    counts = np.bincount(nearest[subject], minlength=len(palette))[: len(palette)] + 1e-9
    shares = dict(zip(COLOURS, (counts / counts.sum()).tolist(), strict=True))
    middle = len(frames) // 2
    outside = frames[middle][~subject[middle]]
    mean = outside.mean(0) if len(outside) else np.zeros(3)
    names = list(BACKGROUNDS)
    ground = names[int(np.argmin([((rgb(BACKGROUNDS[n]) - mean) ** 2).sum() for n in names]))]
    colour = max(shares, key=lambda c: shares[c])
    own = [name for name, share in shares.items() if share > SEEN] or [colour]
    shape = _shape(_membership(frames[middle], ground, own))
    return Measured(shape, colour, ground, _motion(subject), shares)


def _membership(frame: Pixels, ground: str, colours: Collection[str]) -> Pixels:
    """[height, width] from 0, the ground in any shade, to 1, one of the subject's colours.

    What is neither, such as the thin arms of a star that a VAE has blurred, lies in between and still counts.
    """
    off = frame - rgb(BACKGROUNDS[ground])
    shade = np.clip(off.mean(-1, keepdims=True), -SHADE, SHADE)
    to_ground = np.sqrt(((off - shade) ** 2).sum(-1))
    palette = np.stack([rgb(COLOURS[colour]) for colour in colours])
    to_subject = np.sqrt(((frame[..., None, :] - palette) ** 2).sum(-1)).min(-1)
    return np.asarray(to_ground / (to_ground + to_subject + 1e-6), np.float32)


def _shape(member: Pixels) -> str:
    """The shape whose silhouette, at its best size and place, correlates most with the membership of the pixels."""
    side = len(member)
    axis = ((np.arange(side, dtype=np.float32) + 0.5) * SIDE / side - SIDE / 2).astype(np.float32)
    solid = np.where(member > 0.5, member, 0) if (member > 0.5).any() else member
    mass = max(1.0, float(solid.sum()))
    middle = [float((solid * a).sum()) / mass for a in (axis[None, :], axis[:, None])]
    area = mass * (SIDE / side) ** 2
    reach = 1.6 * float(np.sqrt(area))
    near = [axis[np.abs(axis - m) <= reach] for m in middle]
    window = member[np.ix_(np.abs(axis - middle[1]) <= reach, np.abs(axis - middle[0]) <= reach)]
    found = {
        shape: max(
            _likeness(window, shape, near, middle, grow * float(np.sqrt(area / size)), low) for grow in GROWN
        )
        for shape, (size, low) in _outlines().items()
    }
    return max(found, key=lambda shape: found[shape])


def _likeness(
    window: Pixels, shape: str, near: list[Pixels], middle: list[float], radius: float, low: float
) -> float:
    """The largest correlation of `window` with the silhouette at some places around `middle`."""
    x = (near[0][None, :] - middle[0] - ASIDE[:, None]) / radius
    y = (near[1][None, :] - middle[1] - ASIDE[:, None]) / radius + low
    inside = soft(-radius * distance(shape, *np.broadcast_arrays(x[:, None, None, :], y[None, :, :, None])))
    apart = inside - inside.mean((-1, -2), keepdims=True)
    off = window - window.mean()
    scale = np.sqrt((apart**2).sum((-1, -2)) * (off**2).sum()) + 1e-6
    return float(((apart * off).sum((-1, -2)) / scale).max())


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
