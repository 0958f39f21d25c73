"""Why an action runs, as data: the difference between its last walk and the present one. Prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ltxbuild.engine.action import Action, Input, Ref, Source, Unless
from ltxbuild.engine.changes import change
from ltxbuild.engine.fingerprint import Part, Walk
from ltxbuild.engine.traces import LastWalk
from ltxbuild.job import Json

# Of those that an action waits for so many are named in one line.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """kind: new, changed, file, external, members, output, version, lost, uncounted, forced, waits and so on.

    `via` names producers: the one of an output, or those of a group that are waited for. `path` leads to a bag, whose
    members `engine.members` can name.
    """

    kind: str
    subject: str
    before: Json = None
    after: Json = None
    via: tuple[str, ...] = ()
    path: tuple[str, ...] = ()

    def text(self) -> str:
        """The reason in words."""
        if self.kind == "changed":
            return f"{self.subject} changed: {change(self.before, self.after)}"
        if self.kind == "version":
            return f"the stage {self.subject} is of version {self.after}, it was {self.before}"
        return {
            "new": f"{self.subject} was never built",
            "file": f"{self.subject} changed",
            "external": f"{self.subject} changed",
            "members": f"{self.subject} changed: {self.after}",
            "output": f"{self.subject} changed (made by {', '.join(self.via)})",
            "added": f"{self.subject} is a new input",
            "removed": f"{self.subject} is no longer an input",
            "lost": f"{self.subject} was lost from the store",
            "uncounted": f"no record of {self.subject} counts: made with other libraries, or gone",
            "forced": f"{self.subject} was asked for with -f",
            "waits": f"{self.subject} may change",
            "unknown": f"{self.subject} is not known yet",
        }[self.kind]


def waiting(names: tuple[str, ...]) -> Reason:
    """For one action or more that may come out differently."""
    more = len(names) - NAMED
    return Reason("waits", ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else ""), via=names)


def differences(action: Action, before: LastWalk | None, now: Walk) -> tuple[Reason, ...]:
    """Every component that differs from the last walk, in the order of the walk."""
    if before is None:
        return (Reason("new", action.id),)
    found: list[Reason] = []
    if before.version != now.version:
        found.append(Reason("version", action.stage, before.version, now.version))
    seen = set()
    for part in now.parts:
        seen.add(part.path)
        old = before.parts.get(part.path)
        if old is None:
            found.append(Reason("added", label(action, part.path)))
        elif old != (part.kind, part.value):
            found.append(_changed(action, part, old[1], before, now))
    found += [Reason("removed", label(action, path)) for path in before.parts if path not in seen]
    return tuple(found)


def _changed(action: Action, part: Part, old: Json, before: LastWalk, now: Walk) -> Reason:
    subject = label(action, part.path)
    if part.kind == "value":
        return Reason("changed", subject, old, part.value)
    if part.kind == "external":
        return Reason("external", subject, old, part.value)
    if part.kind == "bag":
        counts = _members(str(old), str(part.value), before, now)
        return Reason("members", subject, old, counts, path=part.path)
    node = find(action, part.path)
    node = node.ref if isinstance(node, Unless) else node
    if isinstance(node, Ref):
        return Reason("output", subject, old, part.value, via=(node.action,))
    return Reason("file", subject, old, part.value)


def _members(old: str, new: str, before: LastWalk, now: Walk) -> str:
    was, are = Counter(before.bags.get(old, ())), Counter(now.bags.get(new, ()))
    return f"{sum((are - was).values())} new or changed, {sum((was - are).values())} gone, {sum((are & was).values())} kept"


def label(action: Action, path: tuple[str, ...]) -> str:
    """The words for a component: the action's label if it has one, else its name."""
    name = path[1] if len(path) > 1 else path[0]
    words = action.label(name)
    if words is not None:
        return " ".join([words, *path[2:]])
    node = find(action, path)
    return node.path if isinstance(node, Source) else ".".join(path[1:])


def find(action: Action, path: tuple[str, ...]) -> Input | None:
    """The input at a path of the walk, None for a parameter."""
    if path[0] != "inputs":
        return None
    node: Input = action.inputs
    for name in path[1:]:
        if not isinstance(node, Mapping):
            return node
        found = node.get(name)
        if found is None:
            return None
        node = found
    return node
