"""Figures of small frames: light, change, hashes. Knows no files; arrays are [height, width, 3] uint8 RGB."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np

Picture: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"
Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float32]]"

BLACK = 0.1 * 255  # luma below which a pixel counts as black: 10 %
BLACK_FRAME = 0.98  # share of such pixels in a black frame
NEAR_BLACK = 40  # value, of 255
HASH_SIDE = 32


def luma(picture: Picture) -> Floats:
    """BT.601 luma, 0 to 255, [height, width]."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return np.asarray(picture.astype(np.float32) @ weights, np.float32)


def black_share(light: Floats) -> float:
    """Share of pixels under 10 % luma."""
    return float(np.mean(light < BLACK))


def hsv(picture: Picture) -> Floats:
    """Hue 0 to 180, saturation and value 0 to 255, as OpenCV scales them: [height, width, 3]."""
    rgb = picture.astype(np.float32)
    value = rgb.max(axis=2)
    spread = value - rgb.min(axis=2)
    safe = np.where(spread > 0, spread, 1)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    sector = np.where(
        value == red,
        (green - blue) / safe,
        np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = np.where(spread > 0, sector * 30 % 180, 0)
    saturation = np.where(value > 0, spread / np.where(value > 0, value, 1) * 255, 0)
    return np.stack([hue, saturation, value], axis=2).astype(np.float32)


def content_change(before: Floats, after: Floats) -> float:
    """Mean absolute difference of two HSV pictures over pixels and channels; hue on its circle.

    Hue and saturation of what is nearly black are noise, and do not count: a fade from black is no cut.
    """
    difference = np.abs(after - before)
    hue = difference[..., 0]
    difference[..., 0] = np.minimum(hue, 180 - hue)
    difference[np.maximum(before[..., 2], after[..., 2]) < NEAR_BLACK, :2] = 0
    return float(difference.mean())


@cache
def _cosines(size: int) -> Floats:
    """The first 8 rows of the DCT-II matrix."""
    k, n = np.arange(8)[:, None], np.arange(size)[None, :]
    return np.asarray(np.cos(np.pi * k * (2 * n + 1) / (2 * size)), np.float32)


def picture_hash(light: Floats) -> str:
    """64-bit perceptual hash of a 32x32 luma picture as 16 hex digits: the signs of its 8x8 lowest
    frequencies against their median.
    """
    basis = _cosines(light.shape[0])
    low = (basis @ light @ basis.T).ravel()
    bits = low > np.median(low[1:])  # the mean brightness says nothing about the picture
    return np.packbits(bits).tobytes().hex()


def shrink(light: Floats, side: int = HASH_SIDE) -> Floats:
    """Average a luma picture into side x side cells."""
    rows = _cells(light.shape[0], side)
    columns = _cells(light.shape[1], side)
    return np.asarray(rows @ light @ columns.T, np.float32)


@cache
def _cells(length: int, side: int) -> Floats:
    """[side, length] weights: each cell is the mean of the part of the line that it covers."""
    edges = np.linspace(0, length, side + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    pixel = np.arange(length)[None, :]
    cover = np.clip(np.minimum(ends, pixel + 1) - np.maximum(starts, pixel), 0, None)
    return np.asarray(cover / cover.sum(axis=1, keepdims=True), np.float32)
