"""Opens models of transformers from a folder of a stranger's: weights from safetensors alone, no code of its own, and no
torchvision, which would have to match torch to the version. Knows no model's purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoImageProcessor, AutoTokenizer
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from ltxbuild.job import StageError
from ltxbuild.model.device import CPU_THREADS

TRUST: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


@contextmanager
def opening(what: str, device: str) -> Iterator[None]:
    """Turn what may go wrong with somebody's files into a StageError that names `what`."""
    if device == "cpu":
        torch.set_num_threads(CPU_THREADS)
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        # Told with its kind: a KeyError's text is a word of the repository's own format, and nothing else.
        told = f"the {what} cannot be loaded ({type(error).__name__}: {error})"
        raise StageError(f"{told}: is its repository in the format of transformers?") from error
    except torch.OutOfMemoryError as error:
        raise StageError(f"the {what} does not fit into the GPU's memory: take a smaller one") from error


def weights(auto: Any, folder: Path, config: Any, device: str, what: str, dtype: torch.dtype) -> Any:
    """The model of one of transformers' auto classes. Raises StageError for weights that do not fit it."""
    model, told = auto.from_pretrained(
        folder, config=config, dtype=dtype, use_safetensors=True, output_loading_info=True, **TRUST
    )
    # Left alone, missing weights are drawn at random: the first Florence-2 repositories name them in another way.
    absent = sorted({*told["missing_keys"], *(str(key[0]) for key in told["mismatched_keys"])})
    if absent:
        raise StageError(
            f"{len(absent)} weights of the {what} are missing or of another shape, {absent[0]} for one: "
            "its repository is not in the format of transformers"
        )
    return model.to(device).eval()


def processor(
    folder: Path,
    config: Any,
    implied: dict[str, Any] | None = None,
    frames: Callable[[dict[str, Any], Any], Any] | None = None,
) -> Any:
    """What turns pictures and text into the model's inputs: the class that AutoProcessor would take, part by part.

    `implied` are settings that the repository may leave out; `frames` makes the video processor, from the repository's
    settings and its processor of pictures, for a class that has one.
    """
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
    if frames is not None and "video_processor" in kind.get_attributes():
        parts["video_processor"] = frames(settings, pictures)
    parts_in_order = [parts[name] for name in kind.get_attributes()]
    return kind.from_args_and_dict(parts_in_order, {**(implied or {}), **settings})
