"""Draws scenes by formula. Knows no captions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltxbuild.model.world.scene import (
    BACKGROUNDS,
    COLOURS,
    FRAMES,
    GROWTH,
    MOTIONS,
    PAN,
    PANS,
    SIDE,
    TRAVEL,
    Scene,
)

Pixels = NDArray[np.float32]
SHADE = 0.22  # how far a texture goes from its background's colour, of a range of 2


def render(scene: Scene, frames: int = FRAMES, side: int = SIDE) -> Pixels:
    """[frames, side, side, 3] in [-1, 1]; one frame shows the middle of the motion."""
    axis = ((np.arange(side, dtype=np.float32) + 0.5) * SIDE / side - SIDE / 2).astype(np.float32)
    time = np.linspace(-0.5, 0.5, frames) if frames > 1 else np.zeros(1)
    moves = PANS[scene.pan] * PAN * time
    drawn = [_background(scene, axis, move) for move in (moves.tolist() if scene.pan else [0.0])]
    dx, dy, grow = MOTIONS[scene.motion]
    colour, stripe = rgb(COLOURS[scene.colour]), rgb(COLOURS[scene.stripe or scene.colour])
    out = np.stack(drawn) if scene.pan else np.repeat(drawn[0][None], frames, 0)
    for index, t in enumerate(time.tolist()):
        radius = scene.radius * (1 + grow * t * GROWTH)
        columns, x = _near(axis, scene.x + dx * t * TRAVEL, radius)
        rows, y = _near(axis, scene.y + dy * t * TRAVEL, radius)
        x, y = np.broadcast_arrays(x[None, :], y[:, None])
        inside = soft(-distance(scene.shape, x, y) * radius)[..., None]
        band = soft((0.22 - np.abs(y)) * radius)[..., None] if scene.stripe else np.float32(0)
        part = out[index, rows, columns]
        part += (colour + (stripe - colour) * band - part) * inside
    return out


def _near(axis: Pixels, middle: float, radius: float) -> tuple[slice, Pixels]:
    """Where a shape can be seen along one axis, and the coordinates there in units of its radius."""
    reach = 1.2 * radius + 4
    first, last = np.searchsorted(axis, (middle - reach, middle + reach))
    return slice(int(first), int(last)), (axis[first:last] - middle) / radius


def rgb(colour: tuple[int, int, int]) -> Pixels:
    return (np.asarray(colour, np.float32) / 127.5 - 1).astype(np.float32)


def soft(distance: Any) -> Any:
    """From 0 to 1 over about two pixels around an outline."""
    return 1 / (1 + np.exp(-np.clip(distance * 2.2, -30, 30)))


def _background(scene: Scene, axis: Pixels, moved: float) -> Pixels:
    u = (axis + scene.phase - moved)[None, :] * np.pi / 8
    v = (axis + scene.phase)[:, None] * np.pi / 8
    if scene.texture == "striped":
        pattern = np.tanh(3 * np.sin(u)) + 0 * v
    elif scene.texture == "checkered":
        pattern = np.tanh(5 * np.sin(u) * np.sin(v))
    elif scene.texture == "dotted":
        pattern = np.tanh(3 * (np.cos(u) + np.cos(v) - 1.1))
    elif scene.texture == "shaded":
        pattern = 0 * u + (2 * axis / SIDE)[:, None]
    else:
        pattern = 0 * u * v
    flat: Pixels = np.clip(rgb(BACKGROUNDS[scene.background]) + SHADE * pattern[..., None], -1, 1)
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
