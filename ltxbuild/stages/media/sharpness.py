"""Blur, noise and missing detail, from a few frames of a clip at full size. Judges nothing."""

from __future__ import annotations

from statistics import median

import cv2
import numpy as np

from ltxbuild.job import JsonDict
from ltxbuild.stages.media.measures import Floats
from ltxbuild.stages.media.seen import Pace, Seen

BLUR_SIDE = 512  # longer side at which sharpness is compared, whatever the clip's own size
CROP = 512  # of the middle of the picture, in which noise and detail are measured


class Sharpness:
    """A few frames, every half second, each measured at once."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._found: list[tuple[float, float, float]] = []

    def see(self, seen: Seen) -> None:
        """Take one frame in."""
        if not self._pace.due(seen.time):
            return
        light = seen.full
        self._found.append((edge_strength(light), noise(light), detail(light)))

    def facts(self) -> JsonDict:
        """Medians over the frames: `edges` (Laplacian variance), `noise` (sigma of 255) and `detail` (a share)."""
        if not self._found:
            return {"edges": 0.0, "noise": 0.0, "detail": 0.0}
        edges, grain, fine = (float(median(values)) for values in zip(*self._found, strict=True))
        return {"edges": round(edges, 2), "noise": round(grain, 3), "detail": round(fine, 5)}


def scaled_down(light: Floats, side: int) -> Floats:
    """At a longer side of `side` pixels, never enlarged."""
    scale = side / max(light.shape)
    if scale >= 1:
        return light
    size = max(1, round(light.shape[1] * scale)), max(1, round(light.shape[0] * scale))
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float32)


def edge_strength(light: Floats) -> float:
    """Variance of the Laplacian at a longer side of 512 pixels: about 500 sharp, 10 blurred."""
    return float(cv2.Laplacian(scaled_down(light, BLUR_SIDE), cv2.CV_32F).var())


def _middle(light: Floats) -> Floats:
    top, left = (max(0, (n - CROP) // 2) for n in light.shape)
    return light[top : top + CROP, left : left + CROP]


def noise(light: Floats) -> float:
    """Standard deviation of the noise, of 255 (J. Immerkaer, Fast Noise Variance Estimation, 1996)."""
    part = _middle(light)
    if min(part.shape) < 3:
        return 0.0
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    answer = np.abs(cv2.filter2D(part, cv2.CV_32F, mask)[1:-1, 1:-1])
    return float(np.sqrt(np.pi / 2) / 6 * answer.mean())


def detail(light: Floats) -> float:
    """The share of the amplitude, but for the mean, at more than half of the highest frequency; 0 to 1."""
    part = _middle(light)
    window = np.outer(np.hanning(part.shape[0]), np.hanning(part.shape[1])).astype(np.float32)
    spectrum = np.abs(np.fft.rfft2((part - part.mean()) * window))
    high = np.abs(np.fft.fftfreq(part.shape[0]))[:, None] > 0.25
    wide = np.fft.rfftfreq(part.shape[1])[None, :] > 0.25
    total = float(spectrum.sum())
    return float(spectrum[high | wide].sum()) / total if total > 0 else 0.0
