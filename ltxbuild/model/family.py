"""Families of models as data: how each is told by its tensors' names, and what diffusers calls what it calls.

Loads no torch and opens no weights; a further family is a further file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import tomli

FAMILIES = Path(__file__).parents[1] / "bases" / "families"
OF_SOUND = ("audio_vae", "vocoder")
"""Parts that a base may lack as long as no sound is trained."""
PARTS = ("transformer", "connectors", "vae", *OF_SOUND)
T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """One part of a family in a single file.

    `options` are diffusers' options of the published model; `stated` says which of them a name in the file's own
    configuration sets, `shapes` which a dimension of a tensor sets.
    """

    kind: str
    options: Mapping[str, Any]
    stated: Mapping[str, list[str]]
    shapes: Mapping[str, tuple[str, int]]
    prefixes: tuple[str, ...]
    only: tuple[str, ...]
    leave: tuple[str, ...]
    rename: tuple[tuple[re.Pattern[str], str], ...]

    def name(self, original: str) -> str | None:
        """What diffusers calls a tensor of the file; None if it does not belong to this part."""
        prefix = next((p for p in self.prefixes if original.startswith(p)), None)
        if prefix is None:
            return None
        name = original[len(prefix) :]
        if (self.only and not name.startswith(self.only)) or (self.leave and name.startswith(self.leave)):
            return None
        for pattern, replacement in self.rename:
            name = pattern.sub(replacement, name)
        return name

    def named(self, tensors: Mapping[str, T]) -> dict[str, T]:
        """Those of a file's tensors that belong to this part, by what diffusers calls them."""
        found = ((self.name(original), tensor) for original, tensor in tensors.items())
        return {name: tensor for name, tensor in found if name is not None}


@dataclass(frozen=True)
class Family:
    """One family; `trained` is false for those that are known only to be refused by name."""

    name: str
    trained: bool
    having: tuple[str, ...]
    lacking: tuple[str, ...]
    values: Mapping[str, Any]
    parts: Mapping[str, Layout]
    scheduler: Mapping[str, Any]

    def fits(self, names: Collection[str]) -> bool:
        """Whether tensors of these names make up a model of this family."""
        return all(any(part in n for n in names) for part in self.having) and not any(
            part in n for part in self.lacking for n in names
        )


@cache
def families() -> tuple[Family, ...]:
    """All that are known."""
    return tuple(_read(path) for path in sorted(FAMILIES.glob("*.toml")))


def family_of(names: Collection[str]) -> Family | None:
    """The family whose model has tensors of these names (as in its own files or in diffusers); None if none has."""
    return next((family for family in families() if family.fits(names)), None)


def _read(path: Path) -> Family:
    data = tomli.loads(path.read_text(encoding="utf-8"))
    scheduler = data.get("scheduler", {})
    return Family(
        data["name"],
        data["trained"],
        tuple(data["having"]),
        tuple(data["lacking"]),
        data.get("values", {}),
        {part: _layout(data[part]) for part in PARTS if part in data},
        {"_class_name": scheduler.get("class"), **scheduler.get("options", {})},
    )


def _layout(table: Mapping[str, Any]) -> Layout:
    return Layout(
        table["class"],
        table["options"],
        table.get("stated", {}),
        {option: (name, dimension) for option, (name, dimension) in table.get("shapes", {}).items()},
        tuple(table["prefixes"]),
        tuple(table.get("only", ())),
        tuple(table.get("leave", ())),
        tuple((re.compile(pattern), replacement) for pattern, replacement in table["rename"]),
    )
