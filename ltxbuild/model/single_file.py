"""A base that is one safetensors file: which family it is, and a folder that stands for its parts. Loads no torch.

The folder is like the one that diffusers saves, but holds configurations and pointers instead of weights: nothing is
copied. Everything that reads a base reads it through `stored_tensors`, which follows the pointers.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltxbuild.model.family import OF_SOUND, Family, Layout, families, family_of
from ltxbuild.model.stored import POINTER, Header, read_header
from ltxbuild.model.vae_blocks import block_options
from ltxbuild.problem import fail

# Raised when the same file gives another folder.
SCHEME = 2
TRAINABLE = ("F32", "BF16", "F16")
MODEL = "model.diffusion_model."


def inspect(path: Path) -> tuple[Header, Family]:
    """The header of a base's file, and its family.

    Raises ProjectError: B202 damaged, B204 of a family or a number format that nothing can be trained on.
    """
    header = read_header(path)
    family = family_of(header.tensors)
    if family is None:
        known = ", ".join(one.name for one in families() if one.trained)
        raise _unusable(path, f"is no model of a family that can be trained ({known})")
    if not family.trained:
        raise _unusable(
            path, f"is {family.name}, whose LoRAs are others; this release trains for LTX-2.3 only"
        )
    missing = {part for part, layout in family.parts.items() if not layout.named(header.tensors)}
    if missing := missing.difference(OF_SOUND):
        raise _unusable(
            path, f"lacks the {' and '.join(sorted(missing))}: it is not the whole {family.name} model"
        )
    odd = sorted({t.dtype for name, t in header.tensors.items() if name.startswith(MODEL)} - set(TRAINABLE))
    if odd:
        what = (
            f"is quantized ({', '.join(odd)}); what a LoRA learns on rounded weights does not fit the others"
        )
        raise _unusable(path, what)
    if "distilled" in path.name:
        raise _unusable(
            path, "is the distilled model; a LoRA trained on dev works on both, the reverse does not hold"
        )
    return header, family


def _unusable(path: Path, what: str) -> Exception:
    hint = "give the dev model in bf16, such as ltx-2.3-22b-dev.safetensors"
    return fail("B204", f"`{path.name}` {what}", hint)


def assemble(path: Path, text_encoder: Path, tokenizer: Path, cache: Path) -> Path:
    """The folder that stands for `path`, made below `cache` if it is not there yet; its text encoder is elsewhere.

    Raises ProjectError as `inspect`, and B204 for a configuration that cannot be translated.
    """
    folder = assembled_folder(path, text_encoder, tokenizer, cache)
    if (folder / "model_index.json").is_file():
        return folder
    header, family = inspect(path)
    configs = {
        part: _config(path, family, layout, header, part)
        for part, layout in family.parts.items()
        if layout.named(header.tensors)
    }
    configs["connectors"] |= _of_text_encoder(text_encoder)
    space, time = (configs["vae"][f"{kind}_compression_ratio"] for kind in ("spatial", "temporal"))
    configs["transformer"]["vae_scale_factors"] = [time, space, space]
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    for part, config in configs.items():
        _write(making / part / "config.json", {"_class_name": family.parts[part].kind, **config})
        pointer = {"file": str(path.resolve()), "family": family.name, "part": part}
        _write(making / part / POINTER, pointer)
    _write(making / "scheduler" / "scheduler_config.json", dict(family.scheduler))
    (making / "text_encoder").symlink_to(text_encoder.resolve(), target_is_directory=True)
    (making / "tokenizer").symlink_to(tokenizer.resolve(), target_is_directory=True)
    _write(making / "model_index.json", {"_class_name": "LTX2Pipeline"})
    try:
        os.replace(making, folder)
    except OSError:  # another process was faster; it made the same
        shutil.rmtree(making, ignore_errors=True)
    return folder


def assembled_folder(path: Path, text_encoder: Path, tokenizer: Path, cache: Path) -> Path:
    """Where `assemble` puts the folder: a function of the file as it is and of the text encoder's place."""
    stat = path.stat()
    facts = [SCHEME, str(path.resolve()), stat.st_size, stat.st_mtime_ns, str(text_encoder.resolve())]
    name = hashlib.blake2b(
        json.dumps([*facts, str(tokenizer.resolve())]).encode(), digest_size=12
    ).hexdigest()
    return cache / "bases" / name


def tokenizer_of(text_encoder: Path) -> Path:
    """Where the tokenizer of a text encoder is: in its own folder, or beside it as diffusers saves it."""
    beside = text_encoder.parent / "tokenizer"
    inside = any((text_encoder / name).is_file() for name in ("tokenizer.json", "tokenizer.model"))
    if inside or not beside.is_dir():
        return text_encoder
    return beside


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True))


def _config(path: Path, family: Family, layout: Layout, header: Header, part: str) -> dict[str, Any]:
    """diffusers' options: of the published model, over them what the file states, over them what shapes show."""
    options = dict(layout.options)
    try:
        stated = json.loads(header.metadata.get("config", "{}"))
        table = dict(stated.get("vae" if part == "vae" else "transformer") or {})
        for name, targets in layout.stated.items():
            if name in table:
                options |= dict(zip(targets, _values(family, table[name], len(targets)), strict=True))
        if part == "vae" and "encoder_blocks" in table:
            options |= block_options(table, int(options["latent_channels"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, f"states a configuration that cannot be read: {error}") from None
    tensors = layout.named(header.tensors)
    for option, (name, dimension) in layout.shapes.items():
        if name in tensors:
            options[option] = tensors[name].shape[dimension]
    return options


def _values(family: Family, value: Any, count: int) -> list[Any]:
    """One value for each of `count` options: a list's own, or the same for all."""
    values = value if isinstance(value, list) else [value] * count
    return [family.values.get(v, v) if isinstance(v, str) else v for v in values]


def _of_text_encoder(folder: Path) -> dict[str, Any]:
    """What the connectors take in: states of every layer of the encoder, and its embeddings."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        text = config.get("text_config", config)
        return {
            "caption_channels": int(text["hidden_size"]),
            "text_proj_in_factor": int(text["num_hidden_layers"]) + 1,
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        what = f"`{folder}` has no config.json of a Gemma 3 text encoder"
        raise fail("B205", what, "name its folder as text_encoder") from None
