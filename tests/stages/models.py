"""Golden cases of the stages that run a model: small random parts of the real classes, not the base that ships."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from ltxbuild.job import File
from ltxbuild.model.lora import Spec, attached
from ltxbuild.stages.membership import key_of
from tests.detect.models import save as save_detector
from tests.detect.models import save_listener
from tests.fake_job import as_file
from tests.model.parts import (
    AUDIO,
    CHANNELS,
    LENGTH,
    WIDTH,
    make_audio_vae,
    make_text,
    make_transformer,
    make_vae,
)
from tests.stages.bench import SPEC, Bench, wave
from tests.stages_media.footage import make_clip

Case = Callable[[Bench], Path]
FP32 = {"precision": "fp32"}
CROP = {"scale_w": 64, "scale_h": 64, "x": 0, "y": 0}
TRAIN: dict[str, Any] = {
    "first": 0, "last": 3, "rank": 4, "alpha": 11.3137085, "learning_rate": 1e-2, "batch": 2, "seed": 5, "warmup": 2,
    "decay": None, "targets": "attention+ff", "first_frame": 0.4, "prior": 0.3, "weight_decay": 0.01,
    "clip_norm": 1.0, "sigmas": None, **FP32,
}  # fmt: skip
LEVELS: dict[str, Any] = {"quantiles": [0.3, 0.7], "noises": 1, **FP32}
SAMPLE: dict[str, Any] = {
    "width": 32, "height": 32, "frames": 5, "fps": 24.0, "seed": 3, "weight": 0.85,
    **FP32,
}  # fmt: skip


def _features(bench: Bench, seed: int) -> File:
    return bench.tensors({"video": wave(LENGTH, WIDTH, seed=seed), "audio": wave(LENGTH, AUDIO, seed=seed)})


def _member(bench: Bench, seed: int, windows: int = 1) -> dict[str, File]:
    latents = {f"window_{i:03d}": wave(CHANNELS, 3, 2, 2, seed=seed + i) for i in range(windows)}
    return {
        "latents": bench.tensors(latents, {"fps": "24.0"}),
        "text": _features(bench, seed + 50),
        "plain": _features(bench, seed + 60),
    }


def _adapter(bench: Bench) -> File:
    """An adapter as training writes it, with an effect."""
    with attached(make_transformer(), Spec.read(SPEC)) as adapter:
        shapes = {name: tuple(tensor.shape) for name, tensor in adapter.tensors().items()}
    arrays = {name: wave(*shape, seed=i) / 2 for i, (name, shape) in enumerate(sorted(shapes.items()))}
    return bench.tensors(arrays, {**SPEC, "step": "8"})


def latents(frames: int, windows: list[int], count: int) -> Case:
    def run(bench: Bench) -> Path:
        video = as_file(make_clip(bench.path("video.mp4"), frames=frames))
        bucket = {
            "width": 64,
            "height": 64,
            "frames": count,
            "windows": windows,
            "crop": {**CROP, "scale_w": 96, "x": 16},
        }
        return bench.run("latents", {"video": video, "bucket": bench.json(bucket), "vae": None}, **FP32)

    return run


def sound(windows: list[int], count: int, heard: bool = True) -> Case:
    def run(bench: Bench) -> Path:
        tone = (wave(48000) * 8000).astype(np.int16)[None] if heard else None
        video = as_file(make_clip(bench.path("video.mp4"), frames=24, sound=tone))
        bucket = bench.json({"frames": count, "windows": windows})
        return bench.run("sound", {"video": video, "bucket": bucket, "audio_vae": None})

    return run


def tokens(trigger: str, **captions: str) -> Case:
    """The findings with a tokenizer of a few whole words, which reads six tokens."""

    def run(bench: Bench) -> Path:
        known = ("<unk>", "circle", "a", "red", "moves", "left")
        made = Tokenizer(WordLevel({word: i for i, word in enumerate(known)}, unk_token="<unk>"))
        made.pre_tokenizer = Whitespace()
        folder = bench.path("tokenizer") / "tokenizer"
        folder.mkdir(parents=True)
        made.save(str(folder / "tokenizer.json"))
        there = replace(bench, context={"base": str(folder.parent)})
        return there.run("lint_tokens", {"tokenizer": None}, captions=captions, trigger=trigger, length=6)

    return run


def subject(length: int) -> Case:
    """The boxes of a random detector, of which each query is one."""

    def run(bench: Bench) -> Path:
        folder = bench.path("detector")
        folder.mkdir()
        save_detector("grounding-dino", folder)
        video = as_file(make_clip(bench.path("video.mp4"), frames=length))
        there = replace(bench, context={"detector": str(folder)})
        facts = bench.json({"frames": length, "fps": 24.0})
        return there.run(
            "subject", {"video": video, "facts": facts, "detector": None}, word="woman", pictures=3
        )

    return run


def hearing(heard: bool) -> Case:
    """The labels of a random listener."""

    def run(bench: Bench) -> Path:
        folder = bench.path("listener")
        folder.mkdir()
        save_listener(folder)
        tone = (wave(48000) * 8000).astype(np.int16)[None] if heard else None
        video = as_file(make_clip(bench.path("video.mp4"), frames=24, sound=tone))
        there = replace(bench, context={"listener": str(folder)})
        return there.run(
            "hearing", {"video": video, "facts": bench.json({"duration": 1.0}), "listener": None}
        )

    return run


def text(caption: str) -> Case:
    return lambda bench: bench.run("text", {"encoder": None}, caption=caption, length=LENGTH, **FP32)


def train(**params: Any) -> Case:
    """A segment from nothing or, if `first` is given, after another."""

    def run(bench: Bench) -> Path:
        bag = [_member(bench, 10 * i, windows=1 + i % 2) for i in range(3)]
        clips = [
            {"key": key_of(f), "train": list(range(1 + i % 2)), "repeats": 1 + i} for i, f in enumerate(bag)
        ]
        inputs = {
            "dataset": bench.json({"clips": clips}),
            "clips": bag,
            "previous": None,
            "transformer": None,
        }
        if params.get("first"):
            before = bench.run("train", inputs, **{**TRAIN, "last": params["first"]})
            inputs["previous"] = {n: as_file(before / f"{n}.safetensors") for n in ("adapter", "optimizer")}
        return bench.run("train", inputs, **{**TRAIN, **params})

    return run


def loss(adapter: bool, split: bool, weights: list[float], which: str = "text") -> Case:
    def run(bench: Bench) -> Path:
        bag = [_member(bench, 3, windows=2), *([_member(bench, 7)] if split else [])]
        rows = [{"key": key_of(files), "measure": [0]} for files in bag]
        inputs = {
            "items": bag,
            "dataset": bench.json({"clips": rows}) if split else None,
            "adapter": _adapter(bench) if adapter else None,
            "transformer": None,
        }
        return bench.run("loss", inputs, weights=weights, text=which, **LEVELS)

    return run


def sample(adapter: bool, guided: bool, stage: str = "sample") -> Case:
    def run(bench: Bench) -> Path:
        inputs = {
            "text": _features(bench, 1),
            "negative": _features(bench, 2) if guided else None,
            "adapter": _adapter(bench) if adapter else None,
            "transformer": None,
        }
        sampler = {"steps": 3, "guidance": 3.0 if guided else 1.0}
        return bench.run(stage, inputs, sampler=sampler, **SAMPLE)

    return run


def decode(bench: Bench) -> Path:
    latent = wave(CHANNELS, 2, 2, 2)
    facts = {"pixel_frames": "5", "width": "32", "height": "32", "fps": "24.0"}
    inputs = {"latents": bench.tensors({"window_000": latent}, facts), "vae": None}
    return bench.run("decode", inputs, fps=24.0, **FP32)


def export(dtype: str) -> Case:
    metadata = {"trigger": "mira_char", "class": "woman"}
    return lambda bench: bench.run(
        "export",
        {"adapter": _adapter(bench), "transformer": None},
        name="mira",
        dtype=dtype,
        metadata=metadata,
        **FP32,
    )


@cache
def _text_parts() -> tuple[Any, Any, Any]:
    return make_text()


TRANSFORMER: dict[str, Callable[[], Any]] = {"transformer": make_transformer}
VAE: dict[str, Callable[[], Any]] = {"vae": make_vae}
PARTS: dict[str, dict[str, Callable[[], Any]]] = {
    **dict.fromkeys(("train", "loss", "sample", "export"), TRANSFORMER),
    **dict.fromkeys(("latents", "decode"), VAE),
    "glimpse": {**TRANSFORMER, **VAE},
    "sound": {"audio_vae": make_audio_vae},
    "text": {
        "tokenizer": lambda: _text_parts()[0],
        "text_encoder": lambda: _text_parts()[1],
        "connectors": lambda: _text_parts()[2],
    },
}
SIGMAS = [1.0, 0.975, 0.725, 0.42]

MODELS: dict[str, dict[str, Case]] = {
    "latents": {"two windows": latents(12, [0, 3], 9), "still": latents(1, [0], 1)},
    "sound": {"two windows": sound([0, 8], 9), "silent": sound([0], 9, heard=False), "still": sound([0], 1)},
    "text": {"short": text("a red ball"), "cut off": text("mira_char walks along a rainy street")},
    "subject": {"clip": subject(9), "still": subject(1)},
    "hearing": {"tone": hearing(True), "silent": hearing(False)},
    "lint_tokens": {
        "known word": tokens("circle", a="circle, a red circle moves left", b="circle moves"),
        "invented": tokens("mira_char", a="mira_char, a red circle"),
    },
    "train": {
        "start": train(),
        "tail": train(first=2, last=4, decay={"start": 2, "length": 2, "to": 0.1}, sigmas=SIGMAS),
        "attention": train(targets="attention", prior=0.0, first_frame=0.0, last=2),
    },
    "loss": {
        "base": loss(False, True, [0.0]),
        "weights": loss(True, True, [0.0, 0.5, 1.0]),
        "plain": loss(True, True, [0.0, 1.0], "plain"),
        "items": loss(True, False, [0.0, 0.85]),
    },
    "sample": {"base": sample(False, True), "lora": sample(True, True), "unguided": sample(True, False)},
    "glimpse": {"lora": sample(True, True, "glimpse")},
    "decode": {"usual": decode},
    "export": {"bf16": export("bf16"), "fp32": export("fp32")},
}
