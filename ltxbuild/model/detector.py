"""A zero-shot detector of transformers: where in a picture a named thing is. Knows no clip and no rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForZeroShotObjectDetection

from ltxbuild.job import StageError
from ltxbuild.model.asked_families import DETECTORS, Eyes
from ltxbuild.model.pretrained import TRUST, opening, processor, weights

MOST = 8  # boxes of one picture
SAME = 0.6  # of the smaller box: two boxes show one thing, or a part of it

Box = tuple[float, float, float, float, float]
"""Left, top, right, bottom in shares of the picture, and the score."""


@dataclass(frozen=True)
class Detector:
    """A loaded model with its processor."""

    eyes: Eyes
    model: Any
    processor: Any

    def find(self, picture: np.ndarray[Any, Any], word: str) -> list[Box]:
        """Where `word` is in a picture [height, width, 3] uint8, the surest first, each thing once, eight at most."""
        height, width = picture.shape[:2]
        question = self.eyes.question.format(word=word)
        inputs = self.processor(images=Image.fromarray(picture), text=[question], return_tensors="pt")
        inputs = inputs.to(self.model.device)
        with torch.inference_mode():
            outputs = self.model(**inputs)
        found = self.processor.post_process_grounded_object_detection(
            outputs, threshold=self.eyes.least, target_sizes=[(height, width)]
        )[0]
        boxes = zip(found["boxes"].tolist(), found["scores"].tolist(), strict=True)
        return distinct((_within(box, width, height, score) for box, score in boxes), MOST)


def distinct(boxes: Iterable[Box], most: int) -> list[Box]:
    """The surest boxes, without those that show what a surer one shows, or a part of it."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda one: (-one[4], one)):
        smallest = area(box)
        if smallest > 0 and all(shared(box, other) <= SAME * min(smallest, area(other)) for other in kept):
            kept.append(box)
    return kept[:most]


def area(box: Box) -> float:
    """Share of the picture."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def shared(one: Box, other: Box) -> float:
    """Share of the picture that both boxes have."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, down)


def _within(box: list[float], width: int, height: int, score: float) -> Box:
    left, top, right, bottom = (
        min(1.0, max(0.0, v / side)) for v, side in zip(box, (width, height) * 2, strict=True)
    )
    return left, top, right, bottom, score


@lru_cache(maxsize=1)
def open_detector(folder: Path, device: str) -> Detector:
    """Load the model in `folder` once, in float32.

    Raises StageError for an architecture that is not known, files that do not fit it, or too little memory.
    """
    with opening("detector", device):
        config = AutoConfig.from_pretrained(folder, **TRUST)
        eyes = DETECTORS.get(config.model_type)
        if eyes is None:
            raise StageError(f"{config.model_type} is none of the known detectors ({', '.join(DETECTORS)})")
        made = processor(folder, config)
        kind = AutoModelForZeroShotObjectDetection
        return Detector(eyes, weights(kind, folder, config, device, "detector", torch.float32), made)
