"""Random build worlds as plain values: trivial actions over source files, their graph, and an oracle without engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ltxbuild.engine.action import Action, Bag, External, Guard, Input, Ref, Source, Unless
from ltxbuild.engine.digest import of_bytes
from ltxbuild.engine.fingerprint import walk
from ltxbuild.engine.graph import Deliverable, Graph
from ltxbuild.job import Json, JsonDict, dump_json

OUTPUTS = ("out", "side", "ok")
CONSTANT = "constant"
SILENCE = of_bytes(CONSTANT.encode())


@dataclass(frozen=True)
class Node:
    """An action of the world: it joins its inputs with its parameter.

    `keep` makes it blind to all but so many bytes of them; `side` reads the second output of the producers in `inputs`.
    Of `lazy` ones it needs the bytes only if its parameter is odd; which they are is part of its fingerprint always.
    To a `deaf` one an input that says CONSTANT is none.
    """

    name: str
    sources: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    side: bool = False
    bag: tuple[str, ...] = ()
    lazy: tuple[str, ...] = ()
    guard: str = ""
    external: str = ""
    param: int = 0
    version: int = 1
    keep: int = 1000
    fails: bool = False
    delivered: bool = True
    deaf: bool = False


@dataclass(frozen=True)
class World:
    """Nodes by name in an order in which each follows its inputs; sources by path, None for a file that is not there."""

    nodes: Mapping[str, Node]
    sources: Mapping[str, str | None]
    outside: str = "o"

    def change(self, name: str, **fields: Any) -> World:
        """The world with one node changed."""
        return replace(self, nodes={**self.nodes, name: replace(self.nodes[name], **fields)})

    def edit(self, path: str, text: str | None) -> World:
        """The world with one source changed or deleted."""
        return replace(self, sources={**self.sources, path: text})

    def rename(self, old: str, new: str) -> World:
        """The world with a source under another name, for all who read it."""
        nodes = {
            name: replace(node, sources=tuple(new if path == old else path for path in node.sources))
            for name, node in self.nodes.items()
        }
        sources = {new if path == old else path: text for path, text in self.sources.items()}
        return replace(self, nodes=nodes, sources=sources)


def make_action(node: Node) -> Action:
    """The action of one node; it has a name of no meaning, so that equal nodes have equal fingerprints."""
    inputs: dict[str, Input] = {f"s{i}": Source(path) for i, path in enumerate(node.sources)}
    output = "side" if node.side else "out"
    read = [Ref(name, output) for name in node.inputs]
    inputs |= {f"i{i}": Unless(ref, SILENCE) if node.deaf else ref for i, ref in enumerate(read)}
    inputs |= {f"l{i}": Ref(name, "out", lazy=True) for i, name in enumerate(node.lazy)}
    if node.bag:
        inputs["bag"] = Bag(tuple({"member": Ref(name, "out")} for name in node.bag))
    if node.external:
        inputs["outside"] = External(node.external)
    guards = (Guard("guard", Ref(node.guard, "ok")),) if node.guard else ()
    params: dict[str, Json] = {"param": node.param, "keep": node.keep, "fails": node.fails}
    # What is a version for the fingerprint is for the fake stage a fact of its own code, told beside the fingerprint.
    context: JsonDict = {"version": node.version}
    return Action(node.name, "join", node.version, OUTPUTS, params, inputs, guards, context)


def make_graph(world: World) -> Graph:
    """All nodes; the first output of most of them is delivered under their name."""
    graph = Graph()
    for node in world.nodes.values():
        graph.add(make_action(node))
        if node.delivered:
            graph.deliverables.append(Deliverable(node.name, Ref(node.name, "out")))
    graph.check()
    return graph


def stage(params: Mapping[str, Any], version: int, texts: list[str], members: list[str]) -> dict[str, bytes]:
    """What the action makes: a function of its inputs; a bag's members count without order."""
    text = f"{params['param']}.{version}:" + "|".join(texts) + "/" + "|".join(sorted(members))
    out = of_bytes(text[: params["keep"]].encode())[:8] if params["keep"] else CONSTANT
    ok = {"ok": holds(out), "why": "by chance"}
    return {"out": out.encode(), "side": out[:1].encode(), "ok": dump_json(ok)}


def holds(text: str) -> bool:
    """Whether an output opens a guard."""
    return int(of_bytes(text.encode())[:2], 16) % 3 != 0


Made = dict[str, "dict[str, bytes] | None"]


def oracle(world: World, guards: str = "asked") -> Made:
    """From nothing, without any engine: the outputs of each node, None where they cannot be made.

    Guards are `asked`, `passed` (they must be there) or `forgotten`: a result that was made while its guard was open is
    restored without asking.
    """
    made: Made = {}
    for node in world.nodes.values():
        used = [made[name] for name in (*node.inputs, *node.bag, *node.lazy)]
        texts = [world.sources[path] for path in node.sources]
        shut = node.guard and not _lets_through(made[node.guard], guards)
        if node.fails or shut or None in used or None in texts:
            made[node.name] = None
            continue
        output = "side" if node.side else "out"
        heard = [_text(made[name], output) for name in node.inputs]
        joined = [text or "" for text in texts]
        joined += [text for text in heard if not (node.deaf and text == CONSTANT)]
        joined += [_text(made[name], "out") for name in (node.lazy if node.param % 2 else ())]
        members = [_text(made[name], "out") for name in node.bag]
        made[node.name] = stage({"param": node.param, "keep": node.keep}, node.version, joined, members)
    return made


def _text(outputs: dict[str, bytes] | None, name: str) -> str:
    assert outputs is not None
    return outputs[name].decode()


def _lets_through(outputs: dict[str, bytes] | None, guards: str) -> bool:
    if guards == "forgotten":
        return True
    return outputs is not None and (guards == "passed" or holds(outputs["out"].decode()))


@dataclass
class Foreseen:
    """The lookups of a walk, answered from the oracle: fingerprints that no scheduler had a hand in."""

    world: World
    made: Made

    def ref(self, ref: Ref) -> str | None:
        """Of what the oracle made."""
        outputs = self.made[ref.action]
        return None if outputs is None else of_bytes(outputs[ref.output])

    def source(self, source: Source) -> str | None:
        """Of the world's text."""
        text = self.world.sources[source.path]
        return None if text is None else of_bytes(text.encode())

    def external(self, external: External) -> str | None:
        """Of the world outside."""
        return of_bytes(f"{external.key}{self.world.outside}".encode())


def fingerprints(world: World) -> dict[str, str]:
    """The fingerprint of each node whose inputs can be made, guards aside; empty for the others."""
    lookup = Foreseen(world, oracle(world, "forgotten"))
    return {name: walk(make_action(node), lookup).fingerprint for name, node in world.nodes.items()}
