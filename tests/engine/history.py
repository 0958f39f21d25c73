"""Random worlds and random steps of their history: what users, disks and crashes do between two builds."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st

from ltxbuild.engine.options import BuildOptions
from tests.engine.claims import Facts, check
from tests.engine.harness import Built, Call, Crash, build_world, clock_ahead, compacting, dying_at
from tests.engine.world import Node, World

SOURCES = ("a", "b", "c")
# What a step does; each is drawn equally often.
KINDS = (
    "edit",
    "touch",
    "rename",
    "delete",
    "add",
    "param",
    "version",
    "fail",
    "rewire",
    "hush",
    "undeliver",
    "outside",
    "lose",
    "damage",
    "spoil",
    "no_build",
    "no_state",
    "tear",
    "rot",
    "crash",
    "force",
    "strict",
    "subset",
    "stop_early",
    "past_gate",
    "jump",
)
Step = tuple[str, int, int]
steps = st.tuples(st.sampled_from(KINDS), st.integers(0, 11), st.integers(0, 3))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A graph of up to nine nodes over three sources."""
    nodes: dict[str, Node] = {}
    for index in range(draw(st.integers(1, 8))):
        nodes[f"n{index}"] = draw(_nodes(f"n{index}", tuple(nodes)))
    return World(nodes, {path: draw(st.sampled_from("xyz")) for path in SOURCES})


@st.composite
def _nodes(draw: st.DrawFn, name: str, before: tuple[str, ...]) -> Node:
    pick = st.lists(st.sampled_from(before), max_size=3, unique=True) if before else st.just([])
    return Node(
        name,
        tuple(draw(st.lists(st.sampled_from(SOURCES), max_size=2, unique=True))),
        tuple(draw(pick)),
        draw(st.booleans()),
        tuple(draw(pick)),
        tuple(draw(pick)),
        draw(st.sampled_from(["", *before])),
        draw(st.sampled_from(["", "", "weights"])),
        draw(st.integers(0, 1)),
        keep=draw(st.sampled_from([1000, 1000, 3, 0])),
        delivered=draw(st.booleans()),
        deaf=draw(st.booleans()),
    )


# Steps that may lose the notes of what was delivered.
FORGETTING = ("no_state", "tear", "rot")


class History:
    """A project folder through its steps; after each the claims are checked, and that a second build does nothing.

    With `few` the last nodes alone are asked for: the others are made only as far as these need them.
    """

    def __init__(self, root: Path, world: World, hidden: bool = False, few: bool = False) -> None:
        self.root, self.world, self.hidden, self.few = root, world, hidden, few
        self.mine: list[bytes] = []
        self.builds = 0
        self.forgetful = False  # the notes of what was delivered may be lost
        self.orphans: set[str] = set()  # what stood there then
        self.build(Call(self._targets(), hidden=hidden))

    def step(self, kind: str, index: int, value: int) -> None:
        """Change something, then build."""
        self.world = evolve(self.world, kind, index, value)
        self.harm(kind, index, value)
        call = self.call(kind, index, value)
        if kind == "crash":
            self.world = evolve(self.world, "edit", index, value)
            with dying_at(13 * index + value), suppress(Crash), compacting(index % 2 == 0):
                build_world(self.root, self.world, call)
        spoiled = self._spoiled()
        ahead = (-10_000, 0, 10, 10_000)[value] if kind == "jump" else (index % 2) * 10
        with clock_ahead(ahead), compacting(index % 3 == 0):
            built = self.build(call)
        self._nothing_is_lost()
        self.forgetful |= kind in FORGETTING
        assert not built.said or spoiled or self.forgetful, "our own file was taken for the user's"
        if built.outcome.tally.failed or built.outcome.tally.blocked:
            return
        again = self.build(Call(call.targets, hidden=self.hidden))
        assert again.ran == [], "work was redone"
        assert not again.prediction.of("run"), "something is stale after a build"

    def _targets(self) -> tuple[str, ...]:
        return tuple(self.world.nodes)[-2:] if self.few else ()

    def build(self, call: Call) -> Built:
        """One build with all claims."""
        self.builds += 1
        before = Facts.of(self.root)
        built = build_world(self.root, self.world, call)
        check(self.root, self.world, call, before, built, self.orphans)
        return built

    def call(self, kind: str, index: int, value: int) -> Call:
        """How the command is called after a step."""
        names = tuple(self.world.nodes)
        options = BuildOptions(
            keep_going=kind != "stop_early",
            force=frozenset(names[index % len(names) :][: value + 1] if kind == "force" else ()),
            past_gate=frozenset({"guard"} if kind == "past_gate" else ()),
            strict=kind == "strict",
            made_with=f"torch {value}" if kind == "strict" else "",
        )
        targets = (names[index % len(names)],) if kind == "subset" else self._targets()
        return Call(targets, options, hidden=self.hidden, slots=1 + index % 3)

    def harm(self, kind: str, index: int, value: int) -> None:
        """What happens to the disk between two builds."""
        state = self.root / ".ltxbuild"
        if kind in FORGETTING:
            self.orphans |= {path.name for path in self._delivered()}
        if kind in ("lose", "damage"):
            objects = sorted((state / "objects").glob("*/*"))
            for target in objects[index % max(1, len(objects)) :][: value + 1]:
                harm_object(target, kind, value)
        elif kind == "touch":
            for path in filter(Path.exists, (self.root / name for name in self.world.sources)):
                os.utime(path, (index, index))
        elif kind == "spoil":
            self._edit_deliverable(index, value)
        elif kind == "no_build":
            shutil.rmtree(self.root / "build", ignore_errors=True)
            self.mine.clear()
        elif kind == "no_state":
            shutil.rmtree(state)
        elif kind in ("tear", "rot"):
            harm_journal(state / "journal", kind, index, value)

    def _edit_deliverable(self, index: int, value: int) -> None:
        files = self._delivered()
        if not files:
            return
        target = files[index % len(files)]
        gone = target.read_bytes()  # after a failed build it may be what the user put there before
        self.mine = [text for text in self.mine if text != gone]
        if value == 0:
            target.unlink()
            return
        self.mine.append(b"mine %d" % self.builds)
        target.write_bytes(self.mine[-1])

    def _spoiled(self) -> bool:
        """Whether the user's own bytes stand where we deliver, from this step or from one whose build was held up."""
        return any(p.read_bytes() in self.mine for p in self._delivered())

    def _delivered(self) -> list[Path]:
        return sorted(p for p in (self.root / "build").glob("*") if ".local" not in p.name)

    def _nothing_is_lost(self) -> None:
        kept = [path.read_bytes() for path in (self.root / "build").glob("*")]
        assert [text for text in self.mine if text not in kept] == [], "a user's own file is gone"


def evolve(world: World, kind: str, index: int, value: int) -> World:
    """The world after a step; steps that concern the disk alone leave it as it is."""
    name = list(world.nodes)[index % len(world.nodes)]
    path = list(world.sources)[index % len(world.sources)]
    node = world.nodes[name]
    if kind == "edit":
        return world.edit(path, "wxyz"[value])
    if kind == "delete":
        return world.edit(path, None)
    if kind == "rename":
        return world.rename(path, f"{path}{value}") if f"{path}{value}" not in world.sources else world
    if kind == "add":
        new = Node(f"m{len(world.nodes)}", (path,), (name,), param=value, guard=name if value else "")
        return World({**world.nodes, new.name: new}, world.sources, world.outside)
    if kind == "outside":
        return World(world.nodes, world.sources, "op"[value % 2])
    changes: dict[str, dict[str, object]] = {
        "param": {"param": value},
        "version": {"version": 1 + value},
        "fail": {"fails": value < 2},
        "rewire": {"inputs": node.inputs[1:], "side": not node.side},
        "hush": {"keep": 0 if node.keep else 1000},
        "undeliver": {"delivered": not node.delivered},
    }
    return world.change(name, **changes.get(kind, {}))


def harm_object(target: Path, kind: str, value: int) -> None:
    """Take an object away, or cut it, flip a bit of it or add to it."""
    target.chmod(0o644)
    data = target.read_bytes()
    if kind == "lose":
        target.unlink()
    elif value % 3 == 0:
        target.write_bytes(data[:-1])
    elif value % 3 == 1 and data:  # it may have been cut down to nothing before
        target.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    else:
        target.write_bytes(data + b"!")


def harm_journal(path: Path, kind: str, index: int, value: int) -> None:
    """Cut the journal's end off, or damage a byte somewhere in it."""
    data = path.read_bytes()
    if kind == "tear":
        path.write_bytes(data[: len(data) - min(len(data), 7 * index + value)])
    else:
        place = (index * 997 + value * 31) % len(data)
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
