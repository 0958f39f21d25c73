"""The engine against an oracle that knows no increments: random graphs, random histories, crashes in between."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.world import Built, Crash, Node, World, build_world, oracle, outputs

SOURCES = ("a", "b", "c")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    nodes: dict[str, Node] = {}
    for index in range(draw(st.integers(1, 8))):
        before = list(nodes)
        pick = st.lists(st.sampled_from(before), max_size=3, unique=True) if before else st.just([])
        nodes[f"n{index}"] = Node(
            f"n{index}",
            tuple(draw(st.lists(st.sampled_from(SOURCES), max_size=2, unique=True))),
            tuple(draw(pick)),
            tuple(draw(pick)),
            draw(st.sampled_from(["", *before])),
            draw(st.integers(0, 1)),
            keep=draw(st.sampled_from([1000, 1000, 3, 0])),
        )
    return World(nodes, {path: draw(st.sampled_from("xyz")) for path in SOURCES})


steps = st.tuples(
    st.sampled_from(["edit", "param", "version", "fail", "lose", "damage", "crash", "rewire", "nothing"]),
    st.integers(0, 7),
    st.integers(0, 3),
)


def mutate(world: World, kind: str, index: int, value: int) -> World:
    name = list(world.nodes)[index % len(world.nodes)]
    if kind == "edit":
        return world.edit(SOURCES[index % 3], "wxyz"[value])
    if kind == "param":
        return world.change(name, param=value)
    if kind == "version":
        return world.change(name, version=1 + value)
    if kind == "fail":
        return world.change(name, fails=value == 0)
    if kind == "rewire":
        return world.change(name, inputs=world.nodes[name].inputs[1:])
    return world


def harm(root: Path, kind: str, index: int) -> None:
    objects = sorted(p for p in (root / ".ltxbuild" / "objects").rglob("*") if p.is_file())
    if objects and kind in ("lose", "damage"):
        target = objects[index % len(objects)]
        target.chmod(0o644)
        if kind == "lose":
            target.unlink()
        else:
            target.write_bytes(target.read_bytes() + b"!")


def check(world: World, root: Path, built: Built, damaged: bool = False) -> None:
    expected, unguarded = oracle(world), oracle(world, guards=False)
    for name, text in outputs(root, world, built).items():
        assert text == expected[name] or (expected[name] is None and text == unguarded[name]), name
    ran, run, maybe = set(built.ran), set(built.prediction.of("run")), set(built.prediction.of("maybe"))
    assert len(built.ran) == len(ran), "an action ran twice"
    failures = any(node.fails for node in world.nodes.values()) or None in expected.values()
    # Damage is found when an object is read; a prediction reads none.
    if not failures and not damaged:
        assert run <= ran | shared(built)
        assert ran <= run | maybe


def shared(built: Built) -> set[str]:
    """Actions with equal fingerprints run once: the others take over the record."""
    return {name for name, state in built.reporter.states.items() if state in ("fresh", "restored")}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), history=st.lists(steps, max_size=5))
def test_incremental_equals_from_nothing(world: World, history: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        check(world, root, build_world(root, world))
        for kind, index, value in history:
            world = mutate(world, kind, index, value)
            harm(root, kind, index)
            if kind == "crash":
                world = mutate(world, "edit", index, value)
                with suppress(Crash):
                    build_world(root, world, fuel=index % 3)
            check(world, root, build_world(root, world), damaged=kind == "damage")
            again = build_world(root, world)
            assert again.ran == [n for n in again.ran if world.nodes[n].fails], "work was redone"


@settings(max_examples=40, deadline=None)
@given(world=worlds(), index=st.integers(0, 2))
def test_going_back_runs_nothing(world: World, index: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        first = build_world(root, world)
        build_world(root, world.edit(SOURCES[index], "other"))
        # What a closed guard had blocked may be possible now: below a result that is restored, no guard is asked.
        assert not set(build_world(root, world).ran) & set(first.outcome.records)
