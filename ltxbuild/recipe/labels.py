"""How `why` calls the parameters and inputs of each stage: by the setting that they come from. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ltxbuild.project.project import Clip
from ltxbuild.project.settings import TRAIN

PRECISION = {"precision": "[memory] precision", "quantize": "[memory] quantize"}
WEIGHTS = {
    "transformer": "transformer of the base",
    "vae": "video VAE of the base",
    "sound": "audio VAE and vocoder of the base",
    "audio_vae": "audio VAE and vocoder of the base",
    "tokenizer": "tokenizer of the base",
    "detector": "model of [lint] detector",
    "listener": "model of [lint] listener",
}
OF_BASE = {
    name: f"{name} of the base's card" for name in ("fps", "length", "sigmas", "sampler", "width", "height")
}

# In braces: what `clip_words` and its like say of the subject.
_CUT = {"clip": "{path}", "start": "start of {key}", "end": "end of {key}"}

_WEIGHED = {
    "captions": "captions",
    "trigger": "trigger",
    **{key: f"[lint] {key}" for key in ("select", "ignore", "severity")},
}

_OF_STAGE: dict[str, dict[str, str]] = {
    "probe": _CUT,
    "scan": _CUT,
    "transcode": {**_CUT, "audio": "audio"},
    "text": {
        "caption": "{text}",
        "encoder": "text encoder of the base",
        "quantize": "[memory] quantize_text",
    },
    "bucket": {
        "facts": "video of {key}",
        "crop": "crop of {key}",
        "subject": "subject of {key}",
        **{key: f"[bucket] {key}" for key in ("shapes", "frames", "budget")},
    },
    "latents": {"video": "video of {key}"},
    "sound": {"video": "video of {key}", "bucket": "windows of {key}"},
    "lint_clip": {"caption": "{text}", "crop": "crop of {key}"},
    **dict.fromkeys(("lint", "lint_tokens", "lint_asked"), _WEIGHED),
    "subject": {"word": "class", "video": "video of {key}", "facts": "video of {key}"},
    "hearing": {"video": "video of {key}", "facts": "video of {key}"},
    "dataset": {"clips": "training clips", "holdout": "[train] holdout"},
    "train": {
        "clips": "training clips",
        "dataset": "split of the clips",
        "previous": "the segment before",
        "start": "[train] init_from",
        "halt": "whether training goes on",
        **{setting.name: f"[train] {setting.name}" for setting in TRAIN},
    },
    "loss": {"items": "clips that the loss is measured on", "adapter": "adapter", "audio": "[train] audio"},
    "select": {"steps": "[train] steps"},
    "sample": {
        "seed": "[evaluate] seeds",
        "weight": "[evaluate] weights",
        **{k: f"[train] {k}" for k in ("rank", "alpha", "audio")},
        "audio_bins": "bins of sound in the base's card",
        "audio_guidance": "guidance of sound in the base's card",
    },
    "evaluate": {
        "prompts": "[evaluate] prompts",
        "weights": "[evaluate] weights",
        "steps": "[train] steps",
        "training": "training clips",
    },
    "export": {"name": "name of the file", "dtype": "[export] precision"},
}


def clip_words(clip: Clip) -> dict[str, str]:
    """What the words for parameters and inputs say of a clip."""
    return {"key": clip.key, "path": clip.path, "text": f"caption of {clip.key}"}


def labels_of(stage: str) -> Mapping[str, str]:
    """The words for each parameter or input that has some; a stage's own come before those that stages share."""
    return _LABELS.get(stage, _SHARED)


_SHARED: Mapping[str, str] = {**OF_BASE, **WEIGHTS, **PRECISION}
_LABELS: Mapping[str, Mapping[str, str]] = {stage: {**_SHARED, **own} for stage, own in _OF_STAGE.items()}
