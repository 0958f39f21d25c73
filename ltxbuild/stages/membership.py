"""Who a member of the training material is, by content and not by name. Knows no role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xxhash

from ltxbuild.job import StageError

PARTS = ("latents", "text", "plain", "reference", "sound")
# The caption in the class word's place follows from the caption: where it is not trained on, another class word
# changes nothing.
IDENTITY = ("latents", "text", "reference", "sound")


def key_of(files: Mapping[str, Any]) -> str:
    """A member's name: the digest over the digests of those of IDENTITY that it has."""
    text = "\n".join(f"{part} {files[part].digest}" for part in IDENTITY if files.get(part) is not None)
    return xxhash.xxh3_128_hexdigest(text.encode("ascii"))


def pick(bag: list[dict[str, Any]], clip: Mapping[str, Any]) -> dict[str, Any]:
    """The files of a clip of dataset.json. Raises StageError when they are not in the bag."""
    for files in bag:
        if key_of(files) == clip["key"]:
            return {part: files[part] for part in PARTS if files.get(part) is not None}
    raise StageError("the dataset names a clip that is not among the training material")
