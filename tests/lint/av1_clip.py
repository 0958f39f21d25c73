"""Writes the corpus's AV1 clip: `python -m tests.lint.av1_clip PATH`.

In a process of its own: run by root, the encoder gives its threads, and the one that called it, real-time priority, which
every later child of that process would inherit.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lint.corpus import film, scene

if __name__ == "__main__":
    options = {"preset": "12", "crf": "20", "svtav1-params": "lp=1"}
    film(scene(6), codec="libsvtav1", options=options)(Path(sys.argv[1]))
