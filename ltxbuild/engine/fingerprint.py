"""One walk over an action's inputs: its fingerprint, its explanation and what its worker is handed.

All three come from the same traversal, so that a reason can never drift from the key. Knows no files and no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from ltxbuild.engine import digest
from ltxbuild.engine.action import Action, Bag, External, Input, Ref, Source, Value
from ltxbuild.job import Json, dump_json


class Lookup(Protocol):
    """Where digests come from; None means that it is not known yet."""

    def ref(self, ref: Ref) -> str | None:
        """The digest of another action's output."""

    def source(self, source: Source) -> str | None:
        """The digest of a user's file."""

    def external(self, external: External) -> str | None:
        """The digest of something outside the project."""


class Part(NamedTuple):
    """One component of a fingerprint. `kind`: value, file, external, bag (digest of its members) or empty."""

    path: tuple[str, ...]
    kind: str
    value: Json


class FileInput(NamedTuple):
    """A file that the worker will read."""

    origin: Ref | Source
    digest: str


Resolved: TypeAlias = "FileInput | Value | Mapping[str, Resolved] | list[Mapping[str, Resolved]] | None"


@dataclass(frozen=True, slots=True)
class Walk:
    """The result. `fingerprint` and `free` (the same without the stage's version) are empty while an input is unknown.

    `bags` has the sorted member digests of each bag part; `inputs` what the stage receives, bags in that order.
    """

    stage: str
    version: int
    fingerprint: str
    free: str
    parts: tuple[Part, ...] = ()
    bags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: Mapping[str, Resolved] = field(default_factory=dict)
    unknown: tuple[External, ...] = ()

    @property
    def known(self) -> bool:
        """True if every input has a digest."""
        return bool(self.fingerprint)

    def brief(self) -> Walk:
        """The fingerprint alone, for what is up to date and needs no explanation."""
        return Walk(self.stage, self.version, self.fingerprint, self.free)


class Sorted(NamedTuple):
    """A bag in the order of its members' digests, and what of it is not known yet."""

    whole: str
    digests: tuple[str, ...]
    members: list[Mapping[str, Resolved]]
    complete: bool
    unknown: tuple[External, ...]


# Bags by identity: the training set is an input of every segment, and is put in order once.
Bags: TypeAlias = "dict[int, Sorted]"


class _Walker:
    def __init__(self, lookup: Lookup, sorted_bags: Bags) -> None:
        self.lookup, self.sorted_bags = lookup, sorted_bags
        self.bags: dict[str, tuple[str, ...]] = {}
        self.unknown: list[External] = []
        self.complete = True

    def visit(self, node: Input, path: tuple[str, ...], parts: list[Part]) -> Resolved:
        """Append the parts of `node` and return what the worker gets for it."""
        if isinstance(node, Ref):
            return self._file(node, self.lookup.ref(node), path, parts)
        if isinstance(node, Source):
            return self._file(node, self.lookup.source(node), path, parts)
        if isinstance(node, Value):
            parts.append(Part(path, "value", node.value))
            return node
        if isinstance(node, External):
            found = self._known(self.lookup.external(node))
            if not found:
                self.unknown.append(node)
            parts.append(Part(path, "external", found))
            return None
        return self._bag(node, path, parts) if isinstance(node, Bag) else self._group(node, path, parts)

    def _file(
        self, node: Ref | Source, found: str | None, path: tuple[str, ...], parts: list[Part]
    ) -> FileInput:
        known = self._known(found)
        parts.append(Part(path, "file", known))
        return FileInput(node, known)

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
        found = self.sorted_bags.get(id(node))
        if found is None:
            found = self.sorted_bags[id(node)] = self._sort(node)
        self.complete = self.complete and found.complete
        self.unknown += found.unknown
        self.bags[found.whole] = found.digests
        parts.append(Part(path, "bag", found.whole))
        return found.members

    def _sort(self, node: Bag) -> Sorted:
        inner = _Walker(self.lookup, self.sorted_bags)
        members: list[tuple[str, Mapping[str, Resolved]]] = []
        for member in node.members:
            own: list[Part] = []
            resolved = inner._group(member, (), own)
            members.append((digest.of_json(own), resolved))
        members.sort(key=lambda pair: pair[0])
        digests = tuple(key for key, _ in members)
        resolved_members = [resolved for _, resolved in members]
        return Sorted(
            digest.of_json(digests), digests, resolved_members, inner.complete, tuple(inner.unknown)
        )


def member_digest(member: Mapping[str, Input], lookup: Lookup) -> str | None:
    """What stands for a member in its bag; None while an input is unknown."""
    walker, own = _Walker(lookup, {}), list[Part]()
    walker.visit(member, (), own)
    return digest.of_json(own) if walker.complete else None


def walk(action: Action, lookup: Lookup, bags: Bags | None = None) -> Walk:
    """Walk over parameters and inputs. With an unknown input the parts are still listed, their value empty.

    Walks that share `bags` sort each bag once: for callers whose `lookup` keeps to its answers meanwhile.
    """
    walker = _Walker(lookup, {} if bags is None else bags)
    parts = [Part(("params", name), "value", action.params[name]) for name in sorted(action.params)]
    inputs = {
        name: walker.visit(action.inputs[name], ("inputs", name), parts) for name in sorted(action.inputs)
    }
    fingerprint = free = ""
    if walker.complete:
        encoded = dump_json(parts)
        free = digest.of_bytes(b"%s\n%s" % (action.stage.encode(), encoded))
        fingerprint = digest.of_bytes(b"%d\n%s" % (action.version, free.encode()))
    return Walk(
        action.stage,
        action.version,
        fingerprint,
        free,
        tuple(parts),
        walker.bags,
        inputs,
        tuple(dict.fromkeys(walker.unknown)) if walker.unknown else (),
    )
