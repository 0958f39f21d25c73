"""The models that can find a named thing in a picture, as data: how they are asked. Loads no torch.

All of them are classes of transformers itself: no repository's own code is ever run.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltxbuild.model.asked_files import Purpose


@dataclass(frozen=True)
class Family:
    """One architecture, by the `model_type` of its config.json: `question` as its authors put it, for a `{word}`.

    `least` is the score from which its boxes count: what its authors' examples take. None was calibrated on clips.
    """

    question: str
    least: float


OWL = Family("a photo of a {word}", 0.2)
DINO = Family("a {word}.", 0.35)
FAMILIES: dict[str, Family] = {
    "grounding-dino": DINO,
    "mm-grounding-dino": DINO,
    "owlv2": OWL,
    "owlvit": OWL,
}

DETECTORS = Purpose("B172", "subjects are found", FAMILIES)
