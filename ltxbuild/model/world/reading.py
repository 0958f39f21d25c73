"""Reads shape, colour, background and motion back from pixels: the ground truth of the tiny base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltxbuild.model.world.picture import SHADE, Pixels, distance, rgb
from ltxbuild.model.world.scene import BACKGROUNDS, COLOURS, SHAPES, SIDE, Scene


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
