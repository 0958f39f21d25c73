"""A classifier of sounds of transformers: what is heard. Knows no clip and no rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification

from ltxbuild.job import StageError
from ltxbuild.model.asked_families import LISTENERS
from ltxbuild.model.pretrained import TRUST, opening, weights

MOST = 10  # labels


@dataclass(frozen=True)
class Listener:
    """A loaded model with what makes its inputs."""

    model: Any
    extractor: Any

    @property
    def rate(self) -> int:
        """Samples a second that it hears."""
        return int(self.extractor.sampling_rate)

    def labels(self, samples: np.ndarray[Any, Any]) -> list[tuple[str, float]]:
        """The likeliest labels of mono samples [n] from -1 to 1, each with a share of its own: sounds exclude no other."""
        inputs = self.extractor(samples, sampling_rate=self.rate, return_tensors="pt").to(self.model.device)
        with torch.inference_mode():
            shares = torch.sigmoid(self.model(**inputs).logits[0]).tolist()
        named = [(str(self.model.config.id2label[i]), share) for i, share in enumerate(shares)]
        return sorted(named, key=lambda one: (-one[1], one[0]))[:MOST]


@lru_cache(maxsize=1)
def open_listener(folder: Path, device: str) -> Listener:
    """Load the model in `folder` once, in float32.

    Raises StageError for an architecture that is not known, files that do not fit it, or too little memory.
    """
    with opening("listener", device):
        config = AutoConfig.from_pretrained(folder, **TRUST)
        if config.model_type not in LISTENERS:
            raise StageError(f"{config.model_type} is none of the known listeners ({', '.join(LISTENERS)})")
        extractor = AutoFeatureExtractor.from_pretrained(folder, **TRUST)
        kind = AutoModelForAudioClassification
        return Listener(weights(kind, folder, config, device, "listener", torch.float32), extractor)
