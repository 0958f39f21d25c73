"""A vision-language model of transformers that says what it sees. Knows no clip and no project.

Weights come from safetensors alone, and no code from a model's repository is run. Pictures are prepared with Pillow:
transformers' video processors need torchvision, which has to match torch to the version.
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
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    BatchFeature,
)
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from ltxbuild.job import StageError
from ltxbuild.model.captioner_families import FAMILIES, Family
from ltxbuild.model.device import CPU_THREADS

TRUST: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
# One or two sentences of 60 words are under this.
MOST_TOKENS = 160


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

    def describe(self, frames: np.ndarray[Any, Any], prompt: str) -> str:
        """What the model answers to frames [n, height, width, 3] uint8; the likeliest words, so always the same."""
        pictures = [Image.fromarray(frame) for frame in frames]
        inputs = self._inputs(pictures, prompt).to(self.model.device, self.model.dtype)
        with torch.inference_mode():
            answer = self.model.generate(
                **inputs, max_new_tokens=MOST_TOKENS, do_sample=False, num_beams=self.family.beams,
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
    if device == "cpu":
        torch.set_num_threads(CPU_THREADS)
    try:
        config = AutoConfig.from_pretrained(folder, **TRUST)
        family = FAMILIES.get(config.model_type)
        if family is None:
            raise StageError(f"{config.model_type} is none of the known captioners ({', '.join(FAMILIES)})")
        processor = _processor(folder, config, family)
        model = _model(folder, config, device)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        # Told with its kind: a KeyError's text is a word of the repository's own format, and nothing else.
        what = f"the captioner cannot be loaded ({type(error).__name__}: {error})"
        raise StageError(f"{what}: is its repository in the format of transformers?") from error
    except torch.OutOfMemoryError as error:
        raise StageError("the captioner does not fit into the GPU's memory: take a smaller one") from error
    return Captioner(family, model, processor)


def _model(folder: Path, config: Any, device: str) -> Any:
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    model, told = AutoModelForImageTextToText.from_pretrained(
        folder, config=config, dtype=dtype, use_safetensors=True, output_loading_info=True, **TRUST
    )
    # Left alone, missing weights are drawn at random: the first Florence-2 repositories name them in another way.
    absent = sorted({*told["missing_keys"], *(str(key[0]) for key in told["mismatched_keys"])})
    if absent:
        raise StageError(
            f"{len(absent)} weights of the captioner are missing or of another shape, {absent[0]} for one: "
            "its repository is not in the format of transformers"
        )
    return model.to(device).eval()


def _processor(folder: Path, config: Any, family: Family) -> Any:
    """What turns pictures and text into the model's inputs: the class that AutoProcessor would take, part by part."""
    # The one thing changed in the class: its check asks for a video processor that only torchvision can make.
    unchecked = {"check_argument_for_proper_class": lambda self, name, argument: type(argument)}
    own = PROCESSOR_MAPPING[type(config)]
    kind: Any = type(own.__name__, (own,), unchecked)
    settings, _ = kind.get_processor_dict(folder, **TRUST)
    pictures = AutoImageProcessor.from_pretrained(folder, backend="pil", **TRUST)
    parts: dict[str, Any] = {
        "image_processor": pictures,
        "tokenizer": AutoTokenizer.from_pretrained(folder, **TRUST),
    }
    if "video_processor" in kind.get_attributes():
        video = _frame_processor(folder, settings, pictures) if family.given == "video" else FrameByFrame()
        parts["video_processor"] = video
    parts_in_order = [parts[name] for name in kind.get_attributes()]
    return kind.from_args_and_dict(parts_in_order, {**_implied(config), **settings})


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
