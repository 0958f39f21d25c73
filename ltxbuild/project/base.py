"""What `base = "..."` means: a card, and a folder, a single file or a repository of the Hub. Opens and fetches nothing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltxbuild.problem import Problem, ProjectError, Span
from ltxbuild.project.card import BASES, Card, card_names, named_card, read_card
from ltxbuild.project.nearest import nearest

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
SINGLE_FILE = ".safetensors"
# Pickled files can run code when they are opened, and what is learnt on rounded weights does not fit the others.
REFUSED_FILES = (".ckpt", ".gguf", ".pt", ".pth", ".bin")
TEXT_ENCODER = "text_encoder"
# Folders without a card of their own are described by this one, if their architecture is the same.
FALLBACK = "ltx-2.3"


@dataclass(frozen=True)
class BaseRef:
    """One base: `spec` as the user wrote it, and a folder, or a file, or a repository with a revision.

    `text_encoder` is the folder of the text encoder, which no single file contains; None: from the Hub.
    """

    spec: str
    card: Card
    folder: Path | None = None
    file: Path | None = None
    text_encoder: Path | None = None
    repository: str | None = None
    revision: str | None = None

    @property
    def kind(self) -> str:
        """`folder`, `file` or `hub`."""
        if self.repository is not None:
            return "hub"
        return "folder" if self.folder is not None else "file"


def find_base(spec: str, root: Path, mapping: Mapping[str, str], span: Span | None = None) -> BaseRef:
    """The base that `spec` names; `mapping` holds this machine's folders and files by name.

    Raises ProjectError: P211 unknown, P212 no such folder or file, P213 a file of a kind that is not read, P217
    an unusable card.
    """
    if spec in mapping and spec != TEXT_ENCODER:
        folder = _path(mapping[spec], root)
        if mapping[spec].endswith(SINGLE_FILE):
            return _single(spec, folder, root, mapping, span)
        card = named_card(spec) if spec in card_names() else None
        return BaseRef(spec, card or _folder_card(folder, span), folder=_existing(folder, span))
    if spec in card_names():
        return _named(spec)
    path = _path(spec, root)
    if os.path.isdir(path) and path != root:  # noqa: PTH112 unlike Path, no exception for a name too long
        return BaseRef(spec, _folder_card(path, span), folder=path)
    if spec.endswith(SINGLE_FILE):
        return _single(spec, path, root, mapping, span)
    if spec.endswith(REFUSED_FILES) or os.path.isfile(path):  # noqa: PTH113
        what = f"base `{spec}` is a file of a kind that is not read"
        raise _refused(
            "P213", what, span, "give the .safetensors file of the dev model, a folder, or a Hub id"
        )
    if spec.startswith((".", "/", "~")):
        raise _refused("P212", f"there is no folder `{spec}` for the base", span, "correct the path")
    if HUB_ID.fullmatch(spec):
        return BaseRef(spec, named_card(FALLBACK), repository=spec, revision="main")
    names = card_names()
    hint = nearest(spec, names) or f"one of {', '.join(names)}, a Hub id (owner/name) or a path"
    raise _refused("P211", f"unknown base `{spec}`", span, hint)


def _single(spec: str, path: Path, root: Path, mapping: Mapping[str, str], span: Span | None) -> BaseRef:
    """A single file in LTX's own layout, with the text encoder that [bases] names or that lies beside it."""
    if not path.is_file():
        raise _refused("P212", f"there is no file `{spec}` for the base", span, "correct the path")
    beside = path.parent / TEXT_ENCODER
    text = _path(mapping[TEXT_ENCODER], root) if TEXT_ENCODER in mapping else beside
    if TEXT_ENCODER in mapping:
        _existing(text, span)
    card = named_card(spec if spec in card_names() else FALLBACK)
    return BaseRef(spec, card, file=path, text_encoder=text if text.is_dir() else None)


def _named(name: str) -> BaseRef:
    card = named_card(name)
    if card.source.folder is not None:
        return BaseRef(name, card, folder=BASES / card.source.folder)
    return BaseRef(name, card, repository=card.source.repository, revision=card.source.revision)


def _path(text: str, root: Path) -> Path:
    # A base may lie outside the project: it is the machine's, and large.
    # Of a user that does not exist, os.path leaves the tilde where Path raises.
    return root / os.path.expanduser(text)  # noqa: PTH111


def _existing(folder: Path, span: Span | None) -> Path:
    if not os.path.isdir(folder):  # noqa: PTH112
        raise _refused(
            "P212", f"there is no folder `{folder}` for the base", span, "correct [bases] in config.toml"
        )
    return folder


def _folder_card(folder: Path, span: Span | None) -> Card:
    """The folder's own card, else the one of LTX-2.3 if the folder holds that architecture."""
    _existing(folder, span)
    if (folder / "card.toml").is_file():
        return read_card(folder / "card.toml")
    index = _json(folder / "model_index.json")
    if not str(index.get("_class_name", "")).startswith("LTX2"):
        what = f"`{folder}` is no diffusers folder of an LTX-2 model (see its model_index.json)"
        raise _refused("P212", what, span, "give the folder that `save_pretrained` of the pipeline wrote")
    card = named_card(FALLBACK)
    channels = _json(folder / "transformer" / "config.json").get("in_channels", card.channels)
    if channels != card.channels:
        what = f"`{folder}` has {channels} latent channels, not {card.channels} as LTX-2.3"
        raise _refused("P212", what, span, "describe it in a card.toml inside the folder")
    return card


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _refused(code: str, message: str, span: Span | None, hint: str) -> ProjectError:
    return ProjectError([Problem(code, message, span, hint)])
