"""Numbers of a decoded video that show artifacts. Knows no threshold: they are only ever compared with the
base's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LAPLACE = ((0, 1, 0), (1, -4, 1), (0, 1, 0))
_IMMERKAER = ((1, -2, 1), (-2, 4, -2), (1, -2, 1))


def measure(frames: NDArray[np.uint8]) -> dict[str, float]:
    """Measures of frames [F, H, W, 3], means over frames, on a scale of 0 to 255 where they are brightness.

    sharpness: variance of the Laplacian; noise: Immerkaer's sigma; saturation: (max - min) / max; clipped:
    share of pixels at either end; flicker: mean absolute second difference of the frames' brightness; luma:
    brightness.
    """
    x = frames.astype(np.float64)
    luma = x @ np.array([0.2126, 0.7152, 0.0722])
    means = luma.mean(axis=(1, 2))
    top, bottom = x.max(-1), x.min(-1)
    values = {
        "sharpness": _filtered(luma, _LAPLACE).var(axis=(1, 2)).mean(),
        "noise": np.abs(_filtered(luma, _IMMERKAER)).mean() * np.sqrt(np.pi / 2) / 6,
        "saturation": ((top - bottom) / np.maximum(top, 1)).mean(),
        "clipped": ((luma <= 2) | (luma >= 253)).mean(),
        "flicker": np.abs(np.diff(means, 2)).mean() if len(means) > 2 else 0.0,
        "luma": means.mean(),
    }
    return {name: round(float(value), 6) for name, value in values.items()}


def _filtered(luma: NDArray[np.float64], kernel: tuple[tuple[int, ...], ...]) -> NDArray[np.float64]:
    """The inner pixels of [F, H, W] under a 3x3 kernel."""
    _, height, width = luma.shape
    total = np.zeros((len(luma), height - 2, width - 2))
    for dy, row in enumerate(kernel):
        for dx, factor in enumerate(row):
            total += factor * luma[:, dy : dy + height - 2, dx : dx + width - 2]
    return total
