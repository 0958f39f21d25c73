"""The engine against an oracle that knows no increments: random graphs, random histories, crashes in between."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from ltxbuild.engine import agenda
from tests.engine.harness import MEMORY, build_world, delivered, from_nothing
from tests.engine.history import KINDS, SOURCES, History, Step, evolve, steps, worlds
from tests.engine.world import Node, World, oracle

SHORT = settings(max_examples=160, suppress_health_check=[HealthCheck.too_slow])
# Found failures are shrunk by running the test again with the example that it prints.
LONG = settings(
    max_examples=5000,
    derandomize=False,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


# How many actions of a kind are looked at side by side: with one, a guard is asked while nothing else may go on.
windows = st.sampled_from((1, 2, agenda.WINDOW))


def live_through(world: World, history: list[Step], hidden: bool, few: bool, window: int) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, patch.object(agenda, "WINDOW", window):
        past = History(Path(folder), world, hidden, few)
        for kind, index, value in history:
            past.step(kind, index, value)
        assert past.builds > len(history)


# Two equal actions, one of which has a guard: it is asked only if that one is the first.
TWINS = World(
    {"n0": Node("n0", ("a",), param=1), "n1": Node("n1"), "n2": Node("n2", guard="n0")},
    dict.fromkeys(SOURCES, "x"),
)


@SHORT
@example(world=TWINS, history=[], hidden=False, few=True, window=1)
@given(
    world=worlds(),
    history=st.lists(steps, max_size=4),
    hidden=st.booleans(),
    few=st.booleans(),
    window=windows,
)
def test_incremental_equals_from_nothing(
    world: World, history: list[Step], hidden: bool, few: bool, window: int
) -> None:
    live_through(world, history, hidden, few, window)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@LONG
@given(
    world=worlds(),
    history=st.lists(steps, min_size=1, max_size=6),
    hidden=st.booleans(),
    few=st.booleans(),
    window=windows,
)
def test_incremental_equals_from_nothing_at_length(
    world: World, history: list[Step], hidden: bool, few: bool, window: int
) -> None:
    live_through(world, history, hidden, few, window)


@settings(max_examples=20)
@given(world=worlds(), index=st.integers(0, 2))
def test_going_back_runs_nothing(world: World, index: int) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        root = Path(folder)
        first = build_world(root, world)
        build_world(root, world.edit(SOURCES[index], "other"))
        # What a closed guard had blocked may be possible now: below a result that is restored, no guard is asked.
        assert not set(build_world(root, world).ran) & set(first.outcome.records)


@settings(max_examples=20)
@given(world=worlds())
def test_the_oracle_is_what_a_build_from_nothing_delivers(world: World) -> None:
    # Without guards: a node whose guard is closed may still take over what a twin made.
    for name in world.nodes:
        world = world.change(name, guard="")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        files = from_nothing(Path(folder) / "new", world)
        made = {name: outputs["out"] for name, outputs in oracle(world).items() if outputs is not None}
        assert files == {
            name: made[name] for name, node in world.nodes.items() if node.delivered and name in made
        }
        assert delivered(Path(folder)) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_happens(kind: str) -> None:
    """No kind is a word that nothing answers to: on some place of a simple world it changes the folder or the call."""
    nodes = {"n0": Node("n0", ("a",)), "n1": Node("n1", ("b",), ("n0",), guard="n0")}
    world = World(nodes, dict.fromkeys(SOURCES, "x"))
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        past = History(Path(folder), world)
        before = listing(past.root)
        past.harm(kind, 1, 1)
        harmed = listing(past.root) != before
    evolved = any(evolve(world, kind, 1, value) != world for value in range(4))
    called = past.call(kind, 1, 1) != past.call("nothing", 1, 1)
    assert evolved or harmed or called or kind in ("crash", "jump")


def listing(root: Path) -> dict[Path, tuple[bytes, int]]:
    return {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()}
