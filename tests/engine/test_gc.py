"""gc: what a root holds stays, the rest goes, and what is needed again later is made again with the same bytes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltxbuild.commands.roots import LAST, rooted
from ltxbuild.engine import manifest
from ltxbuild.engine.action import Action, Ref, Value
from ltxbuild.engine.digest import of_bytes
from ltxbuild.engine.gc import find_rest, find_roots, oldest, remove, stored
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.state import Record
from ltxbuild.engine.task import Task
from ltxbuild.engine.workspace import Workspace
from ltxbuild.problem import ProjectError
from tests.engine.claims import right_files
from tests.engine.harness import MEMORY, Built, Call, Crash, build_world, delivered, dying_at
from tests.engine.history import SOURCES, worlds
from tests.engine.world import Node, World, oracle

CHAIN = World(
    {"a": Node("a", ("s",)), "b": Node("b", inputs=("a",)), "c": Node("c", ("t",), inputs=("b",))},
    {"s": "one", "t": "two"},
)


def build(root: Path, world: World, number: int) -> Built:
    """A build that is remembered under a number, as the command does."""
    built = build_world(root, world)
    space = Workspace(root, write=True)
    records = built.outcome.records
    used = manifest.Manifest(tuple(r.fingerprint for r in records.values()))
    manifest.write(space.folder, number, used)
    space.state.add_build({"n": number})
    space.close()
    return built


def expected(world: World) -> dict[str, bytes]:
    return {name: made["out"] for name, made in oracle(world).items() if made is not None}


def collect(root: Path, builds: Iterable[int] = (), digests: Iterable[str] = ()) -> int:
    """Run gc with these roots; the number of objects that went."""
    space = Workspace(root, write=True)
    try:
        roots = find_roots(space, builds, digests)
        rest = find_rest(space, roots)
        remove(space, rest, roots)
        assert not find_rest(space, find_roots(space, builds, digests)).objects
    finally:
        space.close()
    return len(rest.objects)


def test_what_a_build_used_stays_and_the_rest_is_made_again(tmp_path: Path) -> None:
    build(tmp_path, CHAIN, 1)
    edited = CHAIN.edit("t", "other")
    build(tmp_path, edited, 2)
    assert collect(tmp_path, [2]) > 0
    assert build_world(tmp_path, edited).ran == []
    back = build_world(tmp_path, CHAIN)
    assert back.ran == ["c"], "a and b are the same in both builds"
    assert delivered(tmp_path) == expected(CHAIN)


def test_a_kept_build_comes_back_without_running(tmp_path: Path) -> None:
    build(tmp_path, CHAIN, 1)
    build(tmp_path, CHAIN.edit("s", "other"), 2)
    assert collect(tmp_path, [1, 2]) == 0
    assert build_world(tmp_path, CHAIN).ran == []


def test_what_a_killed_build_had_made_stays(tmp_path: Path) -> None:
    build(tmp_path, CHAIN, 1)

    def die(task: Task) -> None:
        if task.action == "c":
            raise Crash

    with pytest.raises(Crash):
        build_world(tmp_path, CHAIN.edit("s", "other"), Call(during=die))
    collect(tmp_path, [1])
    assert build_world(tmp_path, CHAIN.edit("s", "other")).ran == ["c"]


def test_what_a_lock_delivers_stays_without_its_build(tmp_path: Path) -> None:
    first = build(tmp_path, CHAIN, 1)
    lora = first.outcome.records["c"].outputs["out"]
    build(tmp_path, CHAIN.edit("s", "other"), 2)
    collect(tmp_path, [2], [lora])
    space = Workspace(tmp_path, write=False)
    assert space.store.intact(lora)


def test_records_without_objects_do_not_count_when_they_are_needed(tmp_path: Path) -> None:
    build(tmp_path, CHAIN, 1)
    space = Workspace(tmp_path, write=True)
    for digest in stored(space):
        space.store.path(digest).unlink()
    space.close()
    built = build_world(tmp_path, CHAIN)
    assert set(built.prediction.of("run")) == {"a", "b", "c"} == set(built.ran)
    assert delivered(tmp_path) == expected(CHAIN)


def test_the_oldest_go_first_until_the_limit_holds(tmp_path: Path) -> None:
    worlds = [CHAIN.edit("s", text) for text in ("one", "two", "three")]
    for number, world in enumerate(worlds, 1):
        build(tmp_path, world, number)
    space = Workspace(tmp_path, write=True)
    roots = find_roots(space, [3], [])
    size = sum(stored(space).values())
    rest = oldest(space, roots, size - 1)
    assert 0 < len(rest.objects) < len(find_rest(space, roots).objects)
    remove(space, rest)
    assert sum(stored(space).values()) == rest.stays <= size - 1
    everything = oldest(space, roots, 0)
    remove(space, everything)
    assert everything.stays > 0, "roots are above any limit"
    space.close()
    assert build_world(tmp_path, worlds[2]).ran == []


def test_second_build_is_older_than_the_first_if_the_first_was_used_again(tmp_path: Path) -> None:
    world, other = CHAIN, CHAIN.edit("s", "other")
    for number, one in enumerate((world, other, world), 1):
        build(tmp_path, one, number)
    space = Workspace(tmp_path, write=True)
    rest = oldest(space, find_roots(space, [], []), sum(stored(space).values()) - 1)
    remove(space, rest)
    space.close()
    assert build_world(tmp_path, world).ran == []


def test_leftovers_go_and_foreign_files_stay(tmp_path: Path) -> None:
    build(tmp_path, CHAIN, 1)
    store = tmp_path / ".ltxbuild" / "objects"
    orphan = store / "ab" / ("c" * 30)
    foreign = store / "notes.txt"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_text("x")
    foreign.write_text("mine")
    assert collect(tmp_path, [1]) == 1
    assert not orphan.exists() and foreign.exists()


def test_partial_work_stays_until_its_record_is_there(tmp_path: Path) -> None:
    built = build(tmp_path, CHAIN, 1)
    partial = tmp_path / ".ltxbuild" / "partial"
    done, open_ = partial / built.outcome.records["a"].fingerprint, partial / ("e" * 32)
    for folder in (done, open_):
        folder.mkdir(parents=True)
        (folder / "state").touch()
    collect(tmp_path, [1])
    assert not done.exists() and open_.exists()


def test_gc_waits_for_nobody_and_takes_nothing_from_a_running_build(tmp_path: Path) -> None:
    (tmp_path / "lora.toml").touch()
    space = Workspace(tmp_path, write=True)
    call = [sys.executable, "-m", "ltxbuild", "gc", "-C", str(tmp_path)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "B120" in done.stderr
    with pytest.raises(ProjectError):
        Workspace(tmp_path, write=True)
    space.close()


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def test_killed_at_any_operation_it_has_taken_nothing_that_is_held(memory: Path) -> None:
    edited = CHAIN.edit("t", "other").edit("s", "other")
    operation, ended = 0, False
    while not ended:
        root = memory / str(operation)
        root.mkdir()
        build(root, CHAIN, 1)
        build(root, edited, 2)
        with suppress(Crash), dying_at(operation):
            collect(root, [2])
            ended = True
        assert build_world(root, edited).ran == []
        assert delivered(root) == expected(edited)
        collect(root, [2])
        build_world(root, CHAIN)
        assert delivered(root) == expected(CHAIN)
        operation += 1
    assert operation > 6, "journal, traces, objects and a manifest were written or removed"


@settings(max_examples=25, deadline=None)
@given(
    world=worlds(),
    edits=st.lists(st.tuples(st.sampled_from(SOURCES), st.sampled_from("wxyz")), min_size=1, max_size=4),
    held=st.sets(st.integers(1, 5)),
)
def test_whatever_was_built_before(world: World, edits: list[tuple[str, str]], held: set[int]) -> None:
    states = [world]
    for path, text in edits:
        states.append(states[-1].edit(path, text))
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        root = Path(folder)
        for number, state in enumerate(states, 1):
            build(root, state, number)
        collect(root, held)
        for number, state in enumerate(states, 1):
            built = build_world(root, state)
            right_files(root, state, built)
            assert number not in held or built.ran == []


def build_entry(number: int, lora: str | None = None, **more: Any) -> dict[str, Any]:
    return {"n": number, "lora": lora, "lock": None, **more}


def test_rooted_are_the_last_the_kept_and_the_committed() -> None:
    lock = "# x\nversion 1\nclip a\noutput mira.safetensors {}\n"
    builds = [build_entry(1, "l1"), build_entry(2, "l2", kept=True), build_entry(3, "l3")]
    builds += [build_entry(n) for n in range(4, 4 + 2 * LAST)]
    assert rooted(builds, []) == {1, 2, 3, *range(4 + LAST, 4 + 2 * LAST)}, "builds of lint push no LoRA out"
    builds += [build_entry(n, f"l{n}") for n in range(4 + 2 * LAST, 4 + 3 * LAST)]
    assert rooted(builds, []) & {1, 2, 3} == {2}
    assert rooted(builds, [lock.format("l3")]) & {1, 2, 3} == {2, 3}
    from ltxbuild.recipe.lockfile import inputs_digest

    builds[0]["lock"] = inputs_digest(lock)
    assert rooted(builds, [lock.format("from another machine")]) & {1, 2, 3} == {1, 2}


def segments(count: int) -> tuple[Graph, dict[str, Record]]:
    """A chain of segments of which each leaves a weight and a state, and a choice that copies the second state."""
    graph, records = Graph(), {}
    for index in range(count):
        before = Ref(f"train{index - 1}", "state") if index else Value(None)
        graph.add(
            Action(
                f"train{index}",
                "train",
                1,
                ("weight", "state"),
                {},
                {"before": before},
                retention={"state": 2},
            )
        )
        records[f"train{index}"] = Record(
            f"f{index}", "", "train", 1, {"weight": f"w{index}", "state": f"s{index}"}, 0.0, ""
        )
    graph.add(Action("select", "select", 1, ("state",), {}, {"of": Ref("train1", "state")}))
    records["select"] = Record("fs", "", "select", 1, {"state": "s1"}, 0.0, "")
    return graph, records


def test_states_go_once_their_successors_successor_is_there() -> None:
    graph, records = segments(6)
    assert manifest.dispensable(graph, records) == {"s0", "s2", "s3"}, (
        "the last two, and the one that was chosen, stay"
    )
    assert (
        manifest.dispensable(graph, {n: r for n, r in records.items() if n in ("train0", "train1")}) == set()
    )


def test_dropped_objects_go_while_their_records_stay(tmp_path: Path) -> None:
    built = build(tmp_path, CHAIN, 1)
    gone = built.outcome.records["a"].outputs["out"]
    records = tuple(r.fingerprint for r in built.outcome.records.values())
    manifest.write(tmp_path / ".ltxbuild", 1, manifest.Manifest(records, (gone,)))
    assert collect(tmp_path, [1]) == 1
    again = build_world(tmp_path, CHAIN.edit("t", "new"))
    assert again.ran == ["c", "a"], "b is there; what went is made again for build/ alone"


@pytest.mark.parametrize("count", [3000, pytest.param(60_000, marks=pytest.mark.slow)])
def test_many_records_in_seconds(count: int, memory: Path) -> None:
    space = Workspace(memory, write=True)
    keys = [of_bytes(str(index).encode()) for index in range(count)]
    for key in keys:
        path = space.store.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        space.state._apply(Record(key, key, "s", 1, {"out": key}, 0.0, "").encode())
    manifest.write(space.folder, 1, manifest.Manifest(tuple(keys[: count // 2])))
    space.state.add_build({"n": 1})
    started = time.monotonic()
    roots = find_roots(space, [1], [])
    rest = find_rest(space, roots)
    remove(space, rest, roots)
    passed = time.monotonic() - started
    space.close()
    assert len(rest.objects) == count // 2 == len(space.state.records)
    assert passed < 20, "some seconds, with room for a busy machine"
    print(f"gc of {count} records: {passed:.2f} s")
