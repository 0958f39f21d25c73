"""The vision-language models that can draft captions, as data: how frames are given and how they are asked.

Loads no torch. All of them are classes of transformers itself: no repository's own code is ever run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ltxbuild.model.asked_files import Purpose


@dataclass(frozen=True)
class Family:
    """One architecture, by the `model_type` of its config.json.

    `frames` pictures of a clip, `side` pixels long at most, are given as one `picture`, as `pictures` in order, or
    as a `video`. `task` is the whole prompt of a model that follows no instructions; empty for one that chats.
    `beams` as its authors call it.
    """

    frames: int
    side: int
    given: Literal["picture", "pictures", "video"]
    task: str = ""
    beams: int = 1


# Frames go to Qwen as pictures, although it knows videos: transformers' video processors need torchvision, which has
# to match torch to the version, and eight pictures are what a clip of 2 to 5 seconds holds. 448 pixels are 16 of its
# 28-pixel cells. LLaVA-NeXT-Video sees a picture at 336 pixels, and was trained on videos.
FAMILIES: dict[str, Family] = {
    "florence2": Family(1, 768, "picture", task="<MORE_DETAILED_CAPTION>", beams=3),
    "llava_next_video": Family(8, 448, "video"),
    "qwen2_vl": Family(8, 448, "pictures"),
    "qwen2_5_vl": Family(8, 448, "pictures"),
    "qwen3_vl": Family(8, 448, "pictures"),
}

CAPTIONERS = Purpose("B170", "captions are drafted", FAMILIES)
