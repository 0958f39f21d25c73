"""The models that lint may ask about clips, as data. Loads no torch.

All of them are classes of transformers itself: no repository's own code is ever run.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltxbuild.model.asked_files import Purpose


@dataclass(frozen=True)
class Eyes:
    """A detector, by the `model_type` of its config.json: `question` as its authors put it, for a `{word}`.

    `least` is the score from which its boxes count: what its authors' examples take. None was calibrated on clips.
    """

    question: str
    least: float


OWL = Eyes("a photo of a {word}", 0.2)
DINO = Eyes("a {word}.", 0.35)
DETECTORS: dict[str, Eyes] = {
    "grounding-dino": DINO,
    "mm-grounding-dino": DINO,
    "owlv2": OWL,
    "owlvit": OWL,
}
# Classifiers of sounds whose labels are AudioSet's.
LISTENERS = ("audio-spectrogram-transformer",)

PURPOSES = {
    "detector": Purpose("B172", "subjects are found", DETECTORS),
    "listener": Purpose("B172", "sounds are told", LISTENERS),
}
