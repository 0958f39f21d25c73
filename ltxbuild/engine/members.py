"""Which members of a bag are new, changed or gone, by name. A bag has no names; they come from the actions it reads.

A member that reads `latents:fast:mira_01` and `text:mira_01` is called mira_01. Only for explanations: runs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ltxbuild.engine.action import Bag, External, Input, Ref, Source, Unless
from ltxbuild.engine.fingerprint import Lookup, member_digest
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph, leaves
from ltxbuild.engine.state import State


@dataclass
class Members:
    """Names by what happened; `unnamed` counts those that are gone and whose name is not known any more."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    unnamed: int = 0

    def text(self) -> str:
        """Such as `mira_15 is new, mira_03 changed`."""
        parts = [f"{_few(self.new)} new" if self.new else "", f"{_few(self.gone)} gone" if self.gone else ""]
        parts.insert(1, f"{', '.join(self.changed[:5])}{_more(self.changed)} changed" if self.changed else "")
        parts.append(f"{self.unnamed} gone" if self.unnamed else "")
        return ", ".join(part for part in parts if part)


def _few(names: list[str]) -> str:
    return f"{', '.join(names[:5])}{_more(names)} {'is' if len(names) == 1 else 'are'}"


def _more(names: list[str]) -> str:
    return f" and {len(names) - 5} more" if len(names) > 5 else ""


@dataclass(frozen=True)
class _Lookup:
    """Digests of outputs by one way or another; a member holds no file of the user."""

    output: Callable[[Ref], str | None]

    def ref(self, ref: Ref) -> str | None:
        return self.output(ref)

    def source(self, source: Source) -> str | None:
        return None

    def external(self, external: External) -> str | None:
        return None


def compare(bag: Bag, before: tuple[str, ...], graph: Graph, prediction: Prediction, state: State) -> Members:
    """The members of `bag` against the digests that it had the last time."""
    left = Counter(before)
    now, then = _Lookup(_present(prediction)), _Lookup(_past(state))
    forms = {_form(member): member for member in bag.members}
    found = Members()
    moved = [_name(member) for member in bag.members if not _take(left, [member_digest(member, now)])]
    for name in moved:
        (found.changed if _take(left, _digests(forms, name, then)) else found.new).append(name)
    for name in _absent(bag, forms, graph, state):
        if _take(left, _digests(forms, name, then)):
            found.gone.append(name)
    found.unnamed = sum(left.values())
    return found


def _take(left: Counter[str], digests: Iterable[str | None]) -> bool:
    """Strike off one of the digests, if one is left."""
    held = next((digest for digest in digests if digest is not None and left[digest] > 0), None)
    if held is not None:
        left[held] -= 1
    return held is not None


def _digests(forms: Mapping[str, Mapping[str, Input]], name: str, lookup: Lookup) -> list[str | None]:
    """What may have stood for a member of that name: its own literals (repeats, say) may have been another's."""
    return [member_digest(_renamed(member, name), lookup) for member in forms.values()]


def _present(prediction: Prediction) -> Callable[[Ref], str | None]:
    def output(ref: Ref) -> str | None:
        forecast = prediction.forecasts.get(ref.action)
        record = forecast.record if forecast is not None else None
        return record.outputs.get(ref.output) if record is not None else None

    return output


def _past(state: State) -> Callable[[Ref], str | None]:
    def output(ref: Ref) -> str | None:
        last = state.last_walk(ref.action)
        record = state.records.get(last.fingerprint) if last is not None else None
        return record.outputs.get(ref.output) if record is not None else None

    return output


def _refs(member: Mapping[str, Input]) -> list[Ref]:
    return [leaf for leaf in leaves(member) if isinstance(leaf, Ref)]


def _name(member: Mapping[str, Input]) -> str:
    return next((ref.action.rpartition(":")[2] for ref in _refs(member)), "a member")


def _absent(bag: Bag, forms: Mapping[str, Mapping[str, Input]], graph: Graph, state: State) -> list[str]:
    """Names of members that this bag does not hold, and may have held."""
    stems = {ref.action.rpartition(":")[0] for member in forms.values() for ref in _refs(member)}
    pairs = (action.rpartition(":") for action in (*state.known_actions(), *graph.actions))
    names = {name for stem, _, name in pairs if stem in stems}
    return sorted(names - {_name(member) for member in bag.members})


def _form(node: Input | Mapping[str, Input]) -> str:
    """The member without its name: members of one form differ in what they read alone."""
    if isinstance(node, Ref):
        return f"{node.action.rpartition(':')[0]}/{node.output}"
    if isinstance(node, Unless):
        return _form(node.ref)
    if isinstance(node, Mapping):
        return repr([(key, _form(node[key])) for key in sorted(node)])
    return repr(node)


def _renamed(node: Mapping[str, Input], name: str) -> Mapping[str, Input]:
    def of(ref: Ref) -> Ref:
        return Ref(f"{ref.action.rpartition(':')[0]}:{name}", ref.output)

    def rename(child: Input) -> Input:
        if isinstance(child, Ref):
            return of(child)
        if isinstance(child, Unless):
            return Unless(of(child.ref), child.neutral)
        return _renamed(child, name) if isinstance(child, Mapping) else child

    return {key: rename(child) for key, child in node.items()}
