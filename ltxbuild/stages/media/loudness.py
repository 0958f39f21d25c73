"""How loud a clip's audio is. Judges nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ltxbuild.job import JsonDict
from ltxbuild.stages.media.sound import read_sound

FULL = 32767  # of 16-bit samples
SILENCE = -120.0  # dBFS, said of digital silence


def loudness(path: Path, start: float, seconds: float) -> JsonDict | None:
    """`level` in dBFS (root mean square) and the share of samples that are `clipped`, from the file's time `start` on.

    None if no audio can be decoded.
    """
    sound = read_sound(path, start, seconds)
    if sound is None or not len(sound):
        return None
    samples = sound.astype(np.float32) / FULL
    level = 10 * np.log10(max(float((samples**2).mean()), 10 ** (SILENCE / 10)))
    clipped = float((np.abs(sound.astype(np.int32)) >= FULL).mean())
    return {"level": round(float(level), 2), "clipped": round(clipped, 6)}
