"""What is mutated: a second of film in every format that clips may have, two stills, and a project's two files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.stages_media.footage import make_clip, make_still, numbered

LORA = """\
name = "mira"
trigger = "mira_char"
class = "woman"
type = "character"
base = "tiny"

[bucket]
budget = 120
shapes = [[64, 64], [96, 64]]

[lint]
ignore = ["PIX", "SET401"]
severity = { CAP603 = "I" }

[train]
mode = "fast"
rank = 8
learning_rate = 1e-3

[train.quality]
steps = 1800

[evaluate]
prompts = ["{subject} that moves left", "{subject} that grows"]
seeds = [1, 2]
weights = [0.85, 1.1]
"""
CAPTIONS = """\
# one line a clip
clip = "mira_char, a woman with a red scarf, walks along a rainy street."
"still.png" = { caption = "mira_char smiles, \\"a portrait\\".", repeats = 2 }

[other]
caption = \"\"\"mira_char laughs
at a crowded market stall.\"\"\"
start = 0.25
end = 1.0
draft = true
"""


def texts() -> dict[str, bytes]:
    """The two files of a project, by name."""
    return {"lora.toml": LORA.encode(), "captions.toml": CAPTIONS.encode()}


def media(folder: Path) -> dict[str, bytes]:
    """Bytes of each clip by file name; made in `folder`, which must exist."""
    tone = (8000 * np.sin(np.arange(48000) / 20)).astype(np.int16)
    ragged = [0, 0.04, 0.09, 0.2, 0.24, 0.4, 0.41, 0.6, 0.75, 0.8]
    made = [
        make_clip(folder / "sound.mp4", rate=25, frames=25, sound=tone),
        make_clip(folder / "fits.mp4"),
        make_clip(folder / "turned.mov", rotation=-90),
        make_clip(folder / "hevc.mov", codec="libx265"),
        make_clip(folder / "wide.mkv", rate=Fraction(30000, 1001), aspect=Fraction(4, 3), sound=tone),
        make_clip(folder / "ragged.mkv", ragged),
        make_clip(folder / "vp9.webm", codec="libvpx-vp9"),
        make_clip(folder / "mpeg4.avi", codec="mpeg4"),
        make_clip(folder / "moving.gif", rate=20, frames=20, codec="gif", pixels="rgb8"),
        make_still(folder / "still.png", numbered(5), "png", "rgb24"),
        make_still(folder / "still.jpg", numbered(6), "mjpeg", "yuvj420p"),
    ]
    return {path.name: path.read_bytes() for path in made}
