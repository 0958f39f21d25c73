"""Opens the parts of a base from a folder in diffusers layout, which may point into a single file. Knows no stage."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch

from ltxbuild.job import StageError
from ltxbuild.model.device import DTYPES
from ltxbuild.model.quantized import fold_layers
from ltxbuild.model.stored import stored_tensors
from ltxbuild.model.weights import build
from ltxbuild.problem import ProjectError

CLASSES = {
    "transformer": ("diffusers", "LTX2VideoTransformer3DModel"),
    "vae": ("diffusers", "AutoencoderKLLTX2Video"),
    "audio_vae": ("diffusers", "AutoencoderKLLTX2Audio"),
    "vocoder": ("diffusers.pipelines.ltx2", "LTX2VocoderWithBWE"),
    "connectors": ("diffusers.pipelines.ltx2", "LTX2TextConnectors"),
    "text_encoder": ("transformers", "Gemma3ForConditionalGeneration"),
    "tokenizer": ("transformers", "AutoTokenizer"),
}
FOLDED = ("transformer", "connectors", "text_encoder")
PRECISE = ("audio_vae", "vocoder")  # small, and the official trainer keeps them in fp32
# What tells LTX-2.3 from its neighbours in the transformer's configuration (its documentation in diffusers).
OLDER = "use_prompt_embeddings"
NEWER = "use_keyframes_abs_pos_embedding"


class OpenBase:
    """The parts of one base on one device, opened when they are asked for and frozen."""

    def __init__(
        self,
        folder: Path,
        device: str,
        precision: str,
        quantize: str = "",
        swap: int = 0,
        audio: bool = False,
    ) -> None:
        self.folder, self.device, self.dtype = folder, device, DTYPES[precision]
        self.quantize, self.swap, self.audio = quantize, swap, audio
        self._parts: dict[str, Any] = {}

    def transformer(self) -> Any:
        """The video transformer. Raises StageError for a model that is not of the LTX-2.3 family."""
        check_family(self.folder)
        return self._part("transformer")

    def vae(self) -> Any:
        """The video VAE."""
        return self._part("vae")

    def audio_vae(self) -> Any:
        """The audio VAE, in fp32."""
        return self._part("audio_vae")

    def vocoder(self) -> Any:
        """What makes sound of the audio VAE's spectrograms, in fp32."""
        return self._part("vocoder")

    def connectors(self) -> Any:
        """The text connectors."""
        return self._part("connectors")

    def text_encoder(self) -> Any:
        """Gemma 3."""
        return self._part("text_encoder")

    def tokenizer(self) -> Any:
        """The tokenizer, padding on the left."""
        return self._part("tokenizer")

    def scheduler_config(self) -> dict[str, Any]:
        """The scheduler's configuration as it is in the folder."""
        return read_config(self.folder / "scheduler" / "scheduler_config.json")

    def release(self, part: str) -> None:
        """Forget one part; its memory is free once nobody else holds it."""
        if self._parts.pop(part, None) is not None and self.device != "cpu":
            torch.cuda.empty_cache()

    def _part(self, name: str) -> Any:
        if name not in self._parts:
            self._parts[name] = self._tokenizer() if name == "tokenizer" else self._model(name)
        return self._parts[name]

    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        made = AutoTokenizer.from_pretrained(_existing(self.folder, "tokenizer"), local_files_only=True)
        made.padding_side = "left"
        return made

    def _model(self, name: str) -> Any:
        from importlib import import_module

        folder = _existing(self.folder, name)
        check_class(folder, name)
        module, word = CLASSES[name]
        kind = getattr(import_module(module), word)
        if name == "text_encoder":
            return _settle(self._text_encoder(kind, folder), self.device, self.quantize)
        options: dict[str, Any] = {"quantize": self.quantize if name in FOLDED else ""}
        if name == "transformer":
            # Where no sound is trained, its half would take 11 GB of LTX-2.3's 38 for nothing.
            options |= {"audio": self.audio, "swap": self.swap}
        config = read_config(folder / "config.json")
        try:
            dtype = torch.float32 if name in PRECISE else self.dtype
            return build(kind, config, stored_tensors(folder), dtype, self.device, **options)
        except ProjectError as error:
            raise StageError(error.problems[0].message) from None

    def _text_encoder(self, kind: Any, folder: Path) -> Any:
        try:
            return kind.from_pretrained(folder, dtype=self.dtype, local_files_only=True, use_safetensors=True)
        except (OSError, ValueError, KeyError) as error:
            raise StageError(
                f"the text encoder of the base cannot be opened from {folder}: {error}"
            ) from error


def open_base(
    folder: Path, device: str, precision: str, quantize: str = "", swap: int = 0, audio: bool = False
) -> OpenBase:
    """A base in diffusers layout; layers of all but the VAEs are kept in the form `quantize`, if it names one.

    Of `swap` of the transformer's blocks they stay in the host's memory until they compute; its half for sound is left
    out unless `audio` asks for it.
    Nothing is read yet. Raises StageError if there is no such folder.
    """
    if not folder.is_dir():
        raise StageError(f"the base's folder {folder} is not there")
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    return OpenBase(folder, device, precision, quantize, swap, audio)


def _settle(model: Any, device: str, quantize: str) -> Any:
    model.requires_grad_(False)
    model.eval()
    if quantize:
        fold_layers(model, quantize, device)
    if device != "cpu":
        return model.to(device)
    # Tensors of a memory map are not aligned, and CPU kernels sum unaligned ones in another order: results would
    # differ by about 2e-6 from the same weights in memory.
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor.data = tensor.data.clone()
    return model


def read_config(path: Path) -> dict[str, Any]:
    """A JSON file of the base. Raises StageError naming it if it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StageError(f"the base lacks a readable {path.parent.name}/{path.name}: {error}") from None
    if not isinstance(found, dict):
        raise StageError(f"{path} is no configuration")
    return found


def check_class(folder: Path, name: str) -> None:
    """Raise StageError if the part is of another class than LTX-2.3's."""
    config = read_config(folder / "config.json")
    found = config.get("_class_name") or (config.get("architectures") or ["an unknown class"])[0]
    wanted = CLASSES[name][1]
    if found != wanted:
        raise StageError(
            f"the base's {name} is {found}, LTX-2.3 has {wanted}: choose a base of the LTX-2.3 family"
        )


def check_family(folder: Path) -> None:
    """Raise StageError for LTX-2.0 and LTX-2.5, whose LoRAs would be others."""
    config = read_config(_existing(folder, "transformer") / "config.json")
    if config.get(NEWER):
        raise StageError("this base is LTX-2.5; this release trains for LTX-2.3 only")
    if config.get(OLDER, True) and not config.get("cross_attn_mod", False):
        raise StageError("this base is LTX-2.0; this release trains for LTX-2.3 only")


def _existing(folder: Path, part: str) -> Path:
    path = folder / part
    if not path.is_dir():
        raise StageError(
            f"the base lacks the folder {part}/: fetch it again, or name a complete folder as base"
        )
    return path
