"""A vision-language model of transformers that says what it sees. Knows no clip and no project.

Pictures are prepared with Pillow: transformers' video processors need torchvision.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, BatchFeature
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from ltxbuild.job import StageError
from ltxbuild.model.captioner_families import FAMILIES, Family
from ltxbuild.model.pretrained import TRUST, opening, processor, weights


class FrameByFrame(CLIPImageProcessorPil):  # type: ignore[misc]
    """A video processor that scales, crops and normalizes frame by frame, as CLIP does with pictures."""

    def __call__(self, videos: list[list[Image.Image]], **_: Any) -> BatchFeature:
        """[videos, frames, 3, height, width] under `pixel_values_videos`."""
        frames = super().__call__
        values = [frames(video, return_tensors="pt")["pixel_values"] for video in videos]
        return BatchFeature({"pixel_values_videos": torch.stack(values)})


@dataclass(frozen=True)
class Captioner:
    """A loaded model with its processor."""

    family: Family
    model: Any
    processor: Any

    def describe(self, frames: np.ndarray[Any, Any], prompt: str, most: int) -> str:
        """What the model answers to frames [n, height, width, 3] uint8 in `most` tokens: the likeliest ones."""
        pictures = [Image.fromarray(frame) for frame in frames]
        inputs = self._inputs(pictures, prompt).to(self.model.device, self.model.dtype)
        with torch.inference_mode():
            answer = self.model.generate(
                **inputs, max_new_tokens=most, do_sample=False, num_beams=self.family.beams,
                temperature=None, top_p=None, top_k=None,
            )  # fmt: skip
        # An encoder-decoder answers alone, the others repeat the question.
        asked = 0 if self.model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
        return str(self.processor.tokenizer.decode(answer[0, asked:], skip_special_tokens=True)).strip()

    def _inputs(self, pictures: list[Image.Image], prompt: str) -> Any:
        if self.family.task:
            return self.processor(text=self.family.task, images=pictures[0], return_tensors="pt")
        if self.family.given == "video":
            text = self._question([{"type": "video"}], prompt)
            return self.processor(text=[text], videos=[pictures], return_tensors="pt")
        text = self._question([{"type": "image"} for _ in pictures], prompt)
        return self.processor(text=[text], images=pictures, return_tensors="pt")

    def _question(self, seen: list[dict[str, str]], prompt: str) -> str:
        content = [*seen, {"type": "text", "text": prompt}]
        return str(
            self.processor.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
        )


@lru_cache(maxsize=1)
def open_captioner(folder: Path, device: str) -> Captioner:
    """Load the model in `folder` once: bfloat16 on a GPU, float32 elsewhere.

    Raises StageError for an architecture that is not known, files that do not fit it, or too little memory.
    """
    with opening("captioner", device):
        config = AutoConfig.from_pretrained(folder, **TRUST)
        family = FAMILIES.get(config.model_type)
        if family is None:
            raise StageError(f"{config.model_type} is none of the known captioners ({', '.join(FAMILIES)})")

        def frames(settings: dict[str, Any], pictures: Any) -> FrameByFrame:
            return _frame_processor(folder, settings, pictures) if family.given == "video" else FrameByFrame()

        made = processor(folder, config, _implied(config), frames)
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        model = weights(AutoModelForImageTextToText, folder, config, device, "captioner", dtype)
    return Captioner(family, model, made)


def _implied(config: Any) -> dict[str, Any]:
    """What older LLaVA repositories leave to be taken from the model's own settings."""
    strategy = getattr(config, "vision_feature_select_strategy", None)
    if strategy is None:
        return {}
    return {"patch_size": config.vision_config.patch_size, "vision_feature_select_strategy": strategy}


def _frame_processor(folder: Path, settings: dict[str, Any], pictures: Any) -> FrameByFrame:
    """By the model's settings for videos, wherever its version keeps them; by those for pictures if it has none."""
    wanted = (
        settings.get("video_processor")
        or _json(folder / "video_preprocessor_config.json")
        or pictures.to_dict()
    )
    known = ("size", "crop_size", "image_mean", "image_std", "rescale_factor", "resample")
    return FrameByFrame(**{name: wanted[name] for name in known if wanted.get(name) is not None})


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}
