"""The graph of actions: names, edges, order. Knows nothing of fingerprints, state or running."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ltxbuild.engine.action import Action, Bag, Input, Ref, Source, Unless
from ltxbuild.job import Json
from ltxbuild.problem import fail


@dataclass(frozen=True)
class Deliverable:
    """An output that goes to `path`, relative to the build folder, with forward slashes."""

    path: str
    ref: Ref


def leaves(tree: Input | Mapping[str, Input]) -> Iterator[Input]:
    """Everything inside groups and bags that is neither."""
    if isinstance(tree, Bag):
        for member in tree.members:
            yield from leaves(member)
    elif isinstance(tree, Mapping):
        for child in tree.values():
            yield from leaves(child)
    else:
        yield tree.ref if isinstance(tree, Unless) else tree


# What is computed from the actions once all are there, and anew after another one is added.
DERIVED = {"sheaves_of", "order", "rank", "depths"}


@dataclass(frozen=True, slots=True, eq=False)
class Sheaf:
    """Outputs that an action reads side by side, and their producers, each once.

    One for all that stands in no bag and one for each bag. Those who read the same bag have the same one, so that
    what holds for it is found out once: the edges of 100 actions to 10,000 clips are a million, their sheaves 100.
    """

    refs: tuple[Ref, ...]
    producers: tuple[str, ...]


def _sheaf(refs: Iterable[Ref]) -> Sheaf:
    each = tuple(dict.fromkeys(refs))
    return Sheaf(each, tuple(dict.fromkeys(ref.action for ref in each)))


def _gather(
    tree: Input | Mapping[str, Input], own: list[Ref], inside: dict[int, Sheaf], bags: dict[int, Sheaf]
) -> None:
    """Add references outside of bags to `own`, and the sheaf of each bag to `inside`; `bags` has those known already."""
    if isinstance(tree, Ref | Unless):
        own.append(tree if isinstance(tree, Ref) else tree.ref)
    elif isinstance(tree, Bag):
        if id(tree) not in bags:
            bags[id(tree)] = _sheaf(leaf for leaf in leaves(tree) if isinstance(leaf, Ref))
        inside[id(tree)] = bags[id(tree)]
    elif isinstance(tree, Mapping):
        for child in tree.values():
            _gather(child, own, inside, bags)


class Graph:
    """Actions by id, `targets` (alias -> ids), `deliverables`, and outputs that `reads` says are looked into after a build.

    Add everything first, then `check`.
    """

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}
        self.targets: dict[str, tuple[str, ...]] = {}
        self.deliverables: list[Deliverable] = []
        self.reads: list[Ref] = []

    def add(self, action: Action) -> Action:
        """Add and return one action. Raises ProjectError for an id that exists."""
        if action.id in self.actions:
            raise fail("B101", f"two actions are called `{action.id}`")
        self.actions[action.id] = action
        self._forget_order()
        return action

    def equip(self, worker: str, context: Mapping[str, Json]) -> None:
        """Give the actions of one kind of worker what belongs to this machine and to no fingerprint."""
        for name, action in self.actions.items():
            if action.worker == worker:
                self.actions[name] = replace(action, context=context)  # a value under a key that is there

    def _forget_order(self) -> None:
        for name in self.__dict__.keys() & DERIVED:
            del self.__dict__[name]

    def check(self) -> None:
        """Raise ProjectError for references to nothing, unsafe delivery paths and cycles."""
        each = {id(sheaf): sheaf for sheaves in self.sheaves_of.values() for sheaf in sheaves}
        wrong = {key for key, sheaf in each.items() if not all(map(self._made, sheaf.refs))}
        for action in self.actions.values():
            for sheaf in self.sheaves_of[action.id] if wrong else ():
                for ref in sheaf.refs if id(sheaf) in wrong else ():
                    self._check_ref(ref, f"`{action.id}`")
            for guard in action.guards:
                self._check_ref(guard.ref, f"guard `{guard.name}` of `{action.id}`")
        for deliverable in self.deliverables:
            self._check_ref(deliverable.ref, f"deliverable `{deliverable.path}`")
            parts = deliverable.path.split("/")
            if not deliverable.path or any(part in ("", ".", "..") for part in parts):
                raise fail("B104", f"deliverable path `{deliverable.path}` leaves the build folder")
        for ref in self.reads:
            self._check_ref(ref, "a command")
        for alias, ids in self.targets.items():
            for missing in (name for name in ids if name not in self.actions):
                raise fail("B102", f"target `{alias}` names `{missing}`, which does not exist")
        _ = self.order

    def _made(self, ref: Ref) -> bool:
        producer = self.actions.get(ref.action)
        return producer is not None and ref.output in producer.outputs

    def _check_ref(self, ref: Ref, user: str) -> None:
        producer = self.actions.get(ref.action)
        if producer is None:
            raise fail("B102", f"{user} reads from `{ref.action}`, which does not exist")
        if ref.output not in producer.outputs:
            raise fail("B102", f"{user} reads `{ref.output}`, which `{ref.action}` does not make")

    @cached_property
    def sheaves_of(self) -> dict[str, tuple[Sheaf, ...]]:
        """What each action reads as data."""
        bags: dict[int, Sheaf] = {}
        found = {}
        for name, action in self.actions.items():
            own: list[Ref] = []
            inside: dict[int, Sheaf] = {}
            _gather(action.inputs, own, inside, bags)
            found[name] = ((_sheaf(own),) if own else ()) + tuple(inside.values())
        return found

    def inputs_of(self, action: str) -> tuple[str, ...]:
        """Producers of an action's data inputs, each once."""
        sheaves = self.sheaves_of[action]
        if len(sheaves) == 1:
            return sheaves[0].producers
        return tuple(dict.fromkeys(name for sheaf in sheaves for name in sheaf.producers))

    def guards_of(self, action: str) -> tuple[str, ...]:
        """Producers of an action's guards."""
        guards = self.actions[action].guards
        return tuple(dict.fromkeys(guard.ref.action for guard in guards)) if guards else ()

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All ids, producers and guards before their users, otherwise as added. Raises ProjectError for a cycle."""
        done: dict[str, None] = {}
        whole: set[int] = set()  # sheaves whose producers are all done
        for start in self.actions:
            for sheaf in self.sheaves_of[start]:
                if id(sheaf) not in whole and done.keys() >= set(sheaf.producers):
                    whole.add(id(sheaf))
            if all(id(sheaf) in whole for sheaf in self.sheaves_of[start]) and not self.actions[start].guards:
                done[start] = None  # the usual case: producers were added before their users
            else:
                self._visit(start, done)
        return tuple(done)

    def _visit(self, start: str, done: dict[str, None]) -> None:
        # A stack instead of recursion: chains may be longer than Python's limit.
        path: dict[str, Iterator[str]] = {}
        if start not in done:
            path[start] = self._before(start)
        while path:
            name = next(reversed(path))
            child = next(path[name], None)
            if child is None:
                done[name] = None
                del path[name]
            elif child in path:
                ring = [*list(path)[list(path).index(child) :], child]
                raise fail("B103", "actions depend on each other: " + " -> ".join(ring))
            elif child not in done:
                path[child] = self._before(child)

    def _before(self, name: str) -> Iterator[str]:
        return iter(self.inputs_of(name) + self.guards_of(name))

    @cached_property
    def rank(self) -> dict[str, int]:
        """Position in `order`."""
        return {name: index for index, name in enumerate(self.order)}

    @cached_property
    def depths(self) -> dict[str, int]:
        """Length of the longest chain of producers and guards before each action."""
        depths: dict[str, int] = {}
        deepest: dict[int, int] = {}
        for name in self.order:
            for sheaf in self.sheaves_of[name]:
                if id(sheaf) not in deepest:
                    deepest[id(sheaf)] = max((depths[one] for one in sheaf.producers), default=-1)
            before = [deepest[id(sheaf)] for sheaf in self.sheaves_of[name]]
            depths[name] = 1 + max(before + [depths[guard] for guard in self.guards_of(name)], default=-1)
        return depths

    def closure(self, ids: Iterable[str]) -> tuple[str, ...]:
        """The given actions and all that they need, guards included, in topological order."""
        seen: set[str] = set()
        taken: set[int] = set()
        stack = list(ids)
        while stack:
            name = stack.pop()
            if name in seen:
                continue
            seen.add(name)
            for sheaf in self.sheaves_of[name]:
                if id(sheaf) not in taken:
                    taken.add(id(sheaf))
                    stack += sheaf.producers
            stack += self.guards_of(name)
        return tuple(name for name in self.order if name in seen)

    def sources(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Paths of the source files that the given actions read themselves."""
        found = (x.path for name in ids for x in leaves(self.actions[name].inputs) if isinstance(x, Source))
        return tuple(dict.fromkeys(found))

    def resolve(self, names: Iterable[str]) -> tuple[str, ...]:
        """Ids of the actions that aliases or ids stand for. Raises ProjectError for an unknown name."""
        found: dict[str, None] = {}
        for name in names:
            if name in self.targets:
                found.update(dict.fromkeys(self.targets[name]))
            elif name in self.actions:
                found[name] = None
            else:
                raise fail("B105", f"there is no target `{name}`", self._suggest(name))
        return tuple(found)

    def _suggest(self, name: str) -> str:
        import difflib  # only for an error

        close = difflib.get_close_matches(name, [*self.targets, *self.actions], n=1)
        return f"did you mean `{close[0]}`?" if close else "targets: " + ", ".join(sorted(self.targets))
