"""One walk over an action's inputs: its fingerprint, its explanation and what its worker is handed.

All three come from the same traversal, so that a reason can never drift from the key. Knows no files and no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, cast

from ltxbuild.engine import digest
from ltxbuild.engine.action import Action, Bag, External, Input, Ref, Source, Value
from ltxbuild.job import Json


class Lookup(Protocol):
    """Where digests come from; None means that it is not known yet."""

    def ref(self, ref: Ref) -> str | None:
        """The digest of another action's output."""

    def source(self, source: Source) -> str | None:
        """The digest of a user's file."""

    def external(self, external: External) -> str | None:
        """The digest of something outside the project."""


@dataclass(frozen=True)
class Part:
    """One component of a fingerprint. `kind`: value, file, external, bag (digest of its members) or empty."""

    path: tuple[str, ...]
    kind: str
    value: Json

    def encode(self) -> Json:
        """As it is hashed and stored."""
        return [list(self.path), self.kind, self.value]


@dataclass(frozen=True)
class FileInput:
    """A file that the worker will read."""

    origin: Ref | Source
    digest: str


Resolved: TypeAlias = "FileInput | Value | Mapping[str, Resolved] | list[Mapping[str, Resolved]] | None"


@dataclass(frozen=True)
class Walk:
    """The result. `fingerprint` and `free` (the same without the stage's version) are empty while an input is unknown.

    `bags` has the sorted member digests of each bag part; `inputs` what the stage receives, bags in that order.
    """

    stage: str
    version: int
    fingerprint: str
    free: str
    parts: tuple[Part, ...]
    bags: Mapping[str, tuple[str, ...]]
    inputs: Mapping[str, Resolved]
    unknown: tuple[External, ...]

    @property
    def known(self) -> bool:
        """True if every input has a digest."""
        return bool(self.fingerprint)


@dataclass
class _Walker:
    lookup: Lookup
    bags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: list[External] = field(default_factory=list)
    complete: bool = True

    def visit(self, node: Input, path: tuple[str, ...], parts: list[Part]) -> Resolved:
        """Append the parts of `node` and return what the worker gets for it."""
        if isinstance(node, Value):
            parts.append(Part(path, "value", node.value))
            return node
        if isinstance(node, External):
            found = self._known(self.lookup.external(node))
            if not found:
                self.unknown.append(node)
            parts.append(Part(path, "external", found))
            return None
        if isinstance(node, Bag):
            return self._bag(node, path, parts)
        if isinstance(node, (Ref, Source)):
            found = self._known(self.lookup.ref(node) if isinstance(node, Ref) else self.lookup.source(node))
            parts.append(Part(path, "file", found))
            return FileInput(node, found)
        return self._group(node, path, parts)

    def _known(self, found: str | None) -> str:
        if found is None:
            self.complete = False
        return found or ""

    def _group(
        self, node: Mapping[str, Input], path: tuple[str, ...], parts: list[Part]
    ) -> Mapping[str, Resolved]:
        if not node:
            parts.append(Part(path, "empty", None))
        return {name: self.visit(node[name], (*path, name), parts) for name in sorted(node)}

    def _bag(self, node: Bag, path: tuple[str, ...], parts: list[Part]) -> list[Mapping[str, Resolved]]:
        members: list[tuple[str, Mapping[str, Resolved]]] = []
        for member in node.members:
            own: list[Part] = []
            resolved = self._group(member, (), own)
            members.append((digest.of_json([part.encode() for part in own]), resolved))
        members.sort(key=lambda pair: pair[0])
        digests = tuple(key for key, _ in members)
        whole = digest.of_json(list(digests))
        self.bags[whole] = digests
        parts.append(Part(path, "bag", whole))
        return [resolved for _, resolved in members]


def member_digest(member: Mapping[str, Input], lookup: Lookup) -> str | None:
    """What stands for a member in its bag; None while an input is unknown."""
    walker, own = _Walker(lookup), list[Part]()
    walker.visit(member, (), own)
    return digest.of_json([part.encode() for part in own]) if walker.complete else None


def walk(action: Action, lookup: Lookup) -> Walk:
    """Walk over parameters and inputs. With an unknown input the parts are still listed, their value empty."""
    walker = _Walker(lookup)
    parts = [Part(("params", name), "value", action.params[name]) for name in sorted(action.params)]
    inputs = {
        name: walker.visit(action.inputs[name], ("inputs", name), parts) for name in sorted(action.inputs)
    }
    fingerprint = free = ""
    if walker.complete:
        encoded = cast(Json, [part.encode() for part in parts])
        free = digest.of_json([action.stage, encoded])
        fingerprint = digest.of_json([action.stage, action.version, encoded])
    return Walk(
        action.stage,
        action.version,
        fingerprint,
        free,
        tuple(parts),
        walker.bags,
        inputs,
        tuple(dict.fromkeys(walker.unknown)),
    )
