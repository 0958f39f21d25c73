"""The shared cache: another machine runs nothing, damage costs time alone, and nobody waits for a dead server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ltxbuild.engine import shared
from ltxbuild.engine.build import build
from ltxbuild.engine.depot import FolderDepot, open_depot
from ltxbuild.engine.digest import of_bytes
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.parcel import pack, unpack
from ltxbuild.engine.state import Record
from ltxbuild.engine.workspace import Workspace
from tests.engine.harness import InProcess, Outside, Silent, write_sources
from tests.engine.world import Node, World, make_graph, oracle

WORLD = World(
    {
        "a": Node("a", ("s",), delivered=False),
        "b": Node("b", inputs=("a",), delivered=False),
        "c": Node("c", ("t",), inputs=("b",)),
    },
    {"s": "one", "t": "two"},
)
OPTIONS = BuildOptions(keep_going=True)


class Machine:
    """A project folder of its own that shares `place`."""

    def __init__(self, root: Path, place: str) -> None:
        self.root, self.place = root, place
        root.mkdir(parents=True, exist_ok=True)

    def build(self, world: World = WORLD, options: BuildOptions = OPTIONS) -> list[str]:
        """Build everything; which actions ran."""
        write_sources(self.root, world)
        graph, executor = make_graph(world), InProcess()
        self.reporter = Silent()
        space = Workspace(self.root, write=True)
        space.share(self.place)
        try:
            self.outcome = build(
                graph, space, Outside(), tuple(world.nodes), executor, self.reporter, options
            )
            made = {name: space.store.path(r.outputs["out"]) for name, r in self.outcome.records.items()}
            self.text = {name: path.read_bytes() if path.exists() else None for name, path in made.items()}
        finally:
            space.close()
        return executor.ran


@pytest.fixture(params=["folder", "file://", "memory://"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield {
        "folder": str(tmp_path / "depot"),
        "file://": f"file://{tmp_path}/depot",
        "memory://": f"memory://depot-{id(request)}",
    }[request.param]


def expected(world: World, name: str) -> bytes:
    made = oracle(world)[name]
    assert made is not None
    return made["out"]


def test_a_second_machine_runs_nothing_and_fetches_only_what_it_delivers(tmp_path: Path, place: str) -> None:
    one, two = Machine(tmp_path / "1", place), Machine(tmp_path / "2", place)
    assert set(one.build()) == {"a", "b", "c"}
    assert two.build() == []
    assert two.text["c"] == expected(WORLD, "c")
    assert two.text["a"] is None, "nobody reads it here"
    assert set(two.reporter.states.values()) == {"restored"}
    edited = WORLD.edit("t", "other")
    assert two.build(edited) == ["c"], "b comes from the cache once it is read"
    assert two.text["c"] == expected(edited, "c")
    assert one.build(edited) == []


def depot(tmp_path: Path) -> Path:
    return tmp_path / "depot"


def objects(tmp_path: Path) -> list[Path]:
    return sorted(p for p in (depot(tmp_path) / "objects").rglob("*") if p.is_file())


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove"])
def test_damaged_and_missing_objects_are_as_if_absent_and_are_replaced(tmp_path: Path, harm: str) -> None:
    Machine(tmp_path / "1", str(depot(tmp_path))).build()
    for path in objects(tmp_path):
        path.chmod(0o644)
        if harm == "flip":
            path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
        elif harm == "truncate":
            path.write_bytes(b"")
        else:
            path.unlink()
    two = Machine(tmp_path / "2", str(depot(tmp_path)))
    assert set(two.build()) == {"a", "b", "c"}
    assert two.text["c"] == expected(WORLD, "c")
    three = Machine(tmp_path / "3", str(depot(tmp_path)))
    assert three.build() == [], "the second machine has put sound ones there"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"v": 1}', b'{"v": 2}', b"null"])
def test_records_that_are_none_are_as_if_absent(tmp_path: Path, text: bytes) -> None:
    Machine(tmp_path / "1", str(depot(tmp_path))).build()
    for path in (depot(tmp_path) / "records").rglob("*.json"):
        path.write_bytes(text)
    two = Machine(tmp_path / "2", str(depot(tmp_path)))
    assert set(two.build()) == {"a", "b", "c"}
    assert Machine(tmp_path / "3", str(depot(tmp_path))).build() == []


def test_a_record_has_to_be_what_was_asked_for() -> None:
    good = Record("a" * 32, "b" * 32, "s", 1, {"out": "c" * 32}, 0.5, "torch 2")
    data = pack(good, {"c" * 32: 7})
    parcel = unpack(data, "a" * 32)
    assert parcel is not None and parcel.record == good and parcel.sizes == {"c" * 32: 7}
    assert unpack(data, "b" * 32) is None
    for old, new in (
        (b'"out"', b'"../out"'),
        (b"c" * 32, b"../../../../../../../../etc/pass"),
        (b'"v":1', b'"w":1'),
    ):
        assert old in data
        assert unpack(data.replace(old, new), "a" * 32) is None


def test_nothing_private_goes_up(tmp_path: Path) -> None:
    one = Machine(tmp_path / "secret-user", str(depot(tmp_path)))
    one.build()
    for path in depot(tmp_path).rglob("*"):
        assert path.is_dir() or b"secret-user" not in path.read_bytes()
    record = json.loads(next((depot(tmp_path) / "records").rglob("*.json")).read_bytes())
    assert set(record) == {"v", "fingerprint", "free", "stage", "version", "outputs", "seconds", "made_with"}
    assert not list((depot(tmp_path) / "tmp").glob("*")), "no drafts are left"


def test_the_first_record_wins_and_other_bytes_are_reported(tmp_path: Path) -> None:
    one = Machine(tmp_path / "1", str(depot(tmp_path)))
    one.build()
    before = {p: p.read_bytes() for p in depot(tmp_path).rglob("*") if p.is_file()}
    two = Machine(tmp_path / "2", str(depot(tmp_path)))
    other = Node("c", ("t",), inputs=("b",))

    class Elsewhere(InProcess):
        """A machine whose stage gives other bytes."""

    write_sources(two.root, WORLD)
    graph = make_graph(WORLD)
    graph.actions["c"] = replace(graph.actions["c"], context={"version": 99})
    reporter, space = Silent(), Workspace(two.root, write=True)
    space.share(two.place)
    options = BuildOptions(force=frozenset({"c"}))
    outcome = build(graph, space, Outside(), ("c",), Elsewhere(), reporter, options)
    space.close()
    assert outcome.tally.ran == ["c"] and other
    assert any("other bytes" in note for note in reporter.notes), reporter.notes
    assert {p: p.read_bytes() for p in before} == before
    assert Machine(tmp_path / "3", str(depot(tmp_path))).build() == []


def test_what_was_built_before_the_cache_was_named_goes_up_with_the_next_build(tmp_path: Path) -> None:
    alone = Machine(tmp_path / "1", str(tmp_path / "first"))
    alone.build()
    alone.place = str(depot(tmp_path))
    assert alone.build() == []
    assert Machine(tmp_path / "2", str(depot(tmp_path))).build() == []


def test_what_is_not_there_is_told_once_and_slows_nothing(tmp_path: Path) -> None:
    one = Machine(tmp_path / "1", str(tmp_path / "not" / "mounted"))
    started = time.monotonic()
    assert set(one.build()) == {"a", "b", "c"}
    assert time.monotonic() - started < 2
    assert len(one.reporter.notes) == 1 and "not used in this build" in one.reporter.notes[0]
    assert not (tmp_path / "not").exists()


def test_unknown_protocols_and_missing_plugins_stop_nothing(tmp_path: Path) -> None:
    one = Machine(tmp_path / "1", "nosuch://bucket/path")
    assert set(one.build()) == {"a", "b", "c"}
    assert len(one.reporter.notes) == 1


def hang(*_: object) -> bytes | None:
    threading.Event().wait(60)
    return None


def test_a_server_that_does_not_answer_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def read(depot: FolderDepot, name: str) -> bytes | None:
        asked.append(name)
        return hang()

    monkeypatch.setattr(shared, "ASK_SECONDS", 0.2)
    monkeypatch.setattr(FolderDepot, "read", read)
    one = Machine(tmp_path / "1", str(depot(tmp_path)))
    started = time.monotonic()
    assert set(one.build()) == {"a", "b", "c"}
    assert time.monotonic() - started < 3
    assert len(one.reporter.notes) == 1 and "does not answer" in one.reporter.notes[0]
    assert len(asked) <= 2, "a and what is asked beside it, no more"


def test_a_cache_that_may_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(tmp_path / "1", str(depot(tmp_path))).build()

    def refuse(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FolderDepot, "put", refuse)
    two = Machine(tmp_path / "2", str(depot(tmp_path)))
    assert two.build(WORLD.edit("t", "other")) == ["c"]
    assert len(two.reporter.notes) == 1 and "nothing is sent" in two.reporter.notes[0]


def test_processes_that_write_at_once_leave_whole_objects(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.engine.test_shared import Machine, WORLD, expected\n"
        "machine = Machine(Path(sys.argv[1]), sys.argv[2])\n"
        "for text in '12341':\n"
        "    world = WORLD.edit('t', text); machine.build(world)\n"
        "    assert machine.text['c'] == expected(world, 'c')\n"
        "    assert not machine.reporter.notes, machine.reporter.notes\n"
    )
    here = Path(__file__).parents[2]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / str(i)), str(depot(tmp_path))], cwd=here
        )
        for i in range(3)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    for path in objects(tmp_path):
        assert of_bytes(path.read_bytes()) == path.parent.name + path.name


def test_two_machines_at_once(tmp_path: Path) -> None:
    machines = [Machine(tmp_path / str(index), str(depot(tmp_path))) for index in range(4)]
    worlds = [WORLD.edit("t", str(index % 2)) for index in range(4)]

    def put(name: str, data: bytes) -> Callable[[], None]:
        def work() -> None:
            place = open_depot(str(depot(tmp_path)), tmp_path)
            draft = tmp_path / f"draft-{name}-{threading.get_ident()}"
            draft.write_bytes(data)
            won.append((data, place.put(draft, "one/name")))

        return work

    won: list[tuple[bytes, bool]] = []
    threads = [threading.Thread(target=put("n", bytes([index]) * 1000)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = [data for data, mine in won if mine]
    assert len(first) == 1 and (depot(tmp_path) / "one" / "name").read_bytes() == first[0]
    for machine, world in zip(machines, worlds, strict=True):
        machine.build(world)
        assert machine.text["c"] == expected(world, "c")


def test_without_a_kind_of_worker_only_what_others_shared_is_taken(tmp_path: Path) -> None:
    without = BuildOptions(keep_going=True, without=frozenset({"light"}))
    alone = Machine(tmp_path / "2", str(depot(tmp_path)))
    assert alone.build(options=without) == []
    assert set(alone.outcome.tally.blocked) == {"a", "b", "c"} and not alone.outcome.records
    Machine(tmp_path / "1", str(depot(tmp_path))).build()
    assert alone.build(options=without) == []
    assert alone.text["c"] == expected(WORLD, "c")


def test_what_could_not_be_sent_goes_up_with_a_later_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Machine(tmp_path / "1", str(depot(tmp_path)))
    with monkeypatch.context() as patch:
        patch.setattr(
            FolderDepot, "put", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left"))
        )
        assert set(one.build()) == {"a", "b", "c"}
    assert not depot(tmp_path).exists() or not objects(tmp_path)
    edited = WORLD.edit("t", "other")
    assert one.build(edited) == ["c"]
    assert len(json.loads((one.root / ".ltxbuild" / "unsent").read_bytes())) == 1, "c as it was"
    two = Machine(tmp_path / "2", str(depot(tmp_path)))
    assert two.build(edited) == [], "a and b, which only the first build made, are there too"


def test_one_object_that_two_read_is_fetched_once(tmp_path: Path) -> None:
    same = World(
        {
            "a": Node("a", ("s",), delivered=False),
            "b": Node("b", inputs=("a",), param=1),
            "c": Node("c", inputs=("a",), param=2),
        },
        {"s": "one"},
    )
    Machine(tmp_path / "1", str(depot(tmp_path))).build(same)
    two = Machine(tmp_path / "2", str(depot(tmp_path)))
    edited = same.change("b", param=3).change("c", param=4)
    assert set(two.build(edited)) == {"b", "c"}
    assert two.text["b"] == expected(edited, "b") and not two.reporter.notes
