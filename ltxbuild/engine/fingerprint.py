"""One walk over an action's inputs: its fingerprint, its explanation and what its worker is handed.

All three come from the same traversal, so that a reason can never drift from the key. Knows no files and no state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from ltxbuild.engine import digest
from ltxbuild.engine.action import Action, Bag, External, Input, Ref, Source, Unless, Value
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

# One empty mapping for all walks that need none.
NOTHING: Mapping[str, Any] = MappingProxyType({})

# Where an input stands: its name, or the names that lead to it through groups.
Place: TypeAlias = "str | list[str]"


class Walk(NamedTuple):
    """The result. `fingerprint` and `free` (the same without the stage's version) are empty while an input is unknown.

    `found` has place, kind and value of one input after the other: what is hashed, and what explains. `bags` has the
    sorted member digests of each bag; `inputs` what the stage receives, bags in that order.
    """

    stage: str
    version: int
    fingerprint: str
    free: str
    params: Mapping[str, Json] = NOTHING
    found: Sequence[Json] = ()
    bags: Mapping[str, tuple[str, ...]] = NOTHING
    inputs: Mapping[str, Resolved] = NOTHING
    unknown: tuple[External, ...] = ()

    @property
    def known(self) -> bool:
        """True if every input has a digest."""
        return bool(self.fingerprint)

    @property
    def parts(self) -> Iterator[Part]:
        """Each component with its path, parameters first."""
        for name in sorted(self.params):
            yield Part(("params", name), "value", self.params[name])
        rest = iter(self.found)
        for place, kind, value in zip(rest, rest, rest, strict=True):
            path = ("inputs", place) if isinstance(place, str) else ("inputs", *cast("list[str]", place))
            yield Part(path, cast(str, kind), value)


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

    def visit(self, node: Input, place: Place, out: list[Json]) -> Resolved:
        """Append place, kind and value of `node` and return what the worker gets for it."""
        if isinstance(node, Ref):
            return self._file(node, self.lookup.ref(node), place, out)
        if isinstance(node, Unless):
            found = self.lookup.ref(node.ref)
            return None if found == node.neutral else self._file(node.ref, found, place, out)
        if isinstance(node, Source):
            return self._file(node, self.lookup.source(node), place, out)
        if isinstance(node, Value):
            out += (place, "value", node.value)
            return node
        if isinstance(node, External):
            found = self._known(self.lookup.external(node))
            if not found:
                self.unknown.append(node)
            out += (place, "external", found)
            return None
        return self._bag(node, place, out) if isinstance(node, Bag) else self.group(node, place, out)

    def _file(self, node: Ref | Source, found: str | None, place: Place, out: list[Json]) -> FileInput:
        known = self._known(found)
        out += (place, "file", known)
        return FileInput(node, known)

    def _known(self, found: str | None) -> str:
        if found is None:
            self.complete = False
        return found or ""

    def group(self, node: Mapping[str, Input], place: Place, out: list[Json]) -> Mapping[str, Resolved]:
        """The same for all that a group holds."""
        if not node:
            out += (place, "empty", None)
        inside = [place] if isinstance(place, str) else place
        return {name: self.visit(node[name], [*inside, name], out) for name in sorted(node)}

    def _bag(self, node: Bag, place: Place, out: list[Json]) -> list[Mapping[str, Resolved]]:
        found = self.sorted_bags.get(id(node))
        if found is None:
            found = self.sorted_bags[id(node)] = self._sort(node)
        self.complete = self.complete and found.complete
        self.unknown += found.unknown
        self.bags[found.whole] = found.digests
        out += (place, "bag", found.whole)
        return found.members

    def _sort(self, node: Bag) -> Sorted:
        inner = _Walker(self.lookup, self.sorted_bags)
        members: list[tuple[str, Mapping[str, Resolved]]] = []
        for member in node.members:
            own: list[Json] = []
            resolved = inner.group(member, [], own)
            members.append((digest.of_json(own), resolved))
        members.sort(key=lambda pair: pair[0])
        digests = tuple(key for key, _ in members)
        resolved_members = [resolved for _, resolved in members]
        return Sorted(
            digest.of_json(digests), digests, resolved_members, inner.complete, tuple(inner.unknown)
        )


def member_digest(member: Mapping[str, Input], lookup: Lookup) -> str | None:
    """What stands for a member in its bag; None while an input is unknown."""
    walker, own = _Walker(lookup, {}), list[Json]()
    walker.group(member, [], own)
    return digest.of_json(own) if walker.complete else None


def walk(action: Action, lookup: Lookup, bags: Bags | None = None) -> Walk:
    """Walk over parameters and inputs. An unknown input is listed too, its value empty.

    Walks that share `bags` sort each bag once: for callers whose `lookup` keeps to its answers meanwhile.
    """
    walker, found = _Walker(lookup, {} if bags is None else bags), list[Json]()
    inputs = {name: walker.visit(action.inputs[name], name, found) for name in sorted(action.inputs)}
    fingerprint = free = ""
    if walker.complete:
        free = digest.of_bytes(b"%s\n%s" % (action.stage.encode(), dump_json([action.params, found])))
        fingerprint = digest.of_bytes(b"%d\n%s" % (action.version, free.encode()))
    unknown = tuple(dict.fromkeys(walker.unknown)) if walker.unknown else ()
    return Walk(
        action.stage, action.version, fingerprint, free, action.params, found, walker.bags, inputs, unknown
    )
