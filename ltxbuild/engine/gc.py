"""Takes out of the store what no root holds. Knows neither git nor a project: roots are given as builds and digests."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ltxbuild.engine import files, manifest
from ltxbuild.engine.state import Record
from ltxbuild.engine.workspace import Workspace

PREFIX, REST = re.compile(r"[0-9a-f]{2}"), re.compile(r"[0-9a-f]{30}")


@dataclass
class Roots:
    """What stays: records by fingerprint, objects by digest."""

    builds: frozenset[int]
    records: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Rest:
    """What goes; `size` are its bytes, `stays` those of what is left."""

    records: frozenset[str]
    objects: dict[str, int]
    stays: int

    @property
    def size(self) -> int:
        """Bytes that removing it frees."""
        return sum(self.objects.values())


def find_roots(space: Workspace, builds: Iterable[int], digests: Iterable[str]) -> Roots:
    """What the given builds used, what makes the given objects, and what no build that ended has used yet."""
    roots = Roots(frozenset(builds), set(space.state.recent), set(digests))
    records = space.state.records
    wanted = set(roots.objects)
    for number in roots.builds:
        held = manifest.read(space.folder, number)
        if held is not None:
            used = [records[key] for key in held.records if key in records]
            roots.records.update(record.fingerprint for record in used)
            roots.objects |= {digest for record in used for digest in record.outputs.values()} - set(
                held.dropped
            )
    for record in records.values():
        if record.fingerprint in space.state.recent:
            roots.objects.update(record.outputs.values())
        elif not wanted.isdisjoint(record.outputs.values()):
            roots.records.add(record.fingerprint)
    return roots


def find_rest(space: Workspace, roots: Roots) -> Rest:
    """Everything that no root holds."""
    sizes = stored(space)
    objects = {digest: size for digest, size in sizes.items() if digest not in roots.objects}
    records = frozenset(space.state.records.keys() - roots.records)
    return Rest(records, objects, sum(sizes.values()) - sum(objects.values()))


def oldest(space: Workspace, roots: Roots, limit: int) -> Rest:
    """So much of the rest, the oldest first, that the store takes at most `limit` bytes; less cannot be had."""
    rest = find_rest(space, roots)
    size = rest.size + rest.stays
    records: set[str] = set()
    objects: dict[str, int] = {}
    users = Counter(
        digest for record in space.state.records.values() for digest in set(record.outputs.values())
    )
    if size > limit:  # first what no record names: an interrupted build leaves such objects
        objects = {digest: bytes_ for digest, bytes_ in rest.objects.items() if not users[digest]}
        size -= sum(objects.values())
    for record in _by_age(space, rest):
        if size <= limit:
            break
        records |= {record.fingerprint} & rest.records
        for digest in set(record.outputs.values()):
            users[digest] -= 1
            if digest in rest.objects and users[digest] == 0:
                objects[digest] = rest.objects[digest]
                size -= rest.objects[digest]
    return Rest(frozenset(records), objects, size)


def _by_age(space: Workspace, rest: Rest) -> list[Record]:
    """Records that lose something, those first that were used longest ago."""
    used: dict[str, int] = {}
    for number in sorted(manifest.numbers(space.folder)):
        held = manifest.read(space.folder, number)
        used.update(dict.fromkeys(held.records if held is not None else (), number))
    loses = [
        record
        for key, record in space.state.records.items()
        if key in rest.records or not rest.objects.keys().isdisjoint(record.outputs.values())
    ]
    return sorted(loses, key=lambda record: used.get(record.fingerprint, 0))


def remove(space: Workspace, rest: Rest, roots: Roots | None = None) -> None:
    """Records first: one whose objects are gone would only be found out when they are needed.

    With `roots` the manifests of all other builds go too.
    """
    if rest.records:
        space.state.retain(space.state.records.keys() - rest.records)
    for digest in rest.objects:
        files.remove(space.store.path(digest))
    for number in list(manifest.numbers(space.folder)) if roots is not None else ():
        if roots is not None and number not in roots.builds:
            manifest.remove(space.folder, number)
    for entry in files.scan(space.folder / "partial"):
        if entry.name in space.state.records:
            files.remove_tree(Path(entry.path))


def stored(space: Workspace) -> dict[str, int]:
    """Bytes of every object by its digest; what else lies in the store is none of ours."""
    found: dict[str, int] = {}
    for prefix in files.scan(space.store.root):
        if PREFIX.fullmatch(prefix.name) and prefix.is_dir(follow_symlinks=False):
            for entry in files.scan(Path(prefix.path)):
                if REST.fullmatch(entry.name):
                    found[prefix.name + entry.name] = entry.stat(follow_symlinks=False).st_size
    return found
