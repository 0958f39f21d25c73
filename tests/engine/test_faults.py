"""What disks, users and other programs do to a folder while it is built: the next build ends right, or says what to do."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from ltxbuild.commands.codes import BUILD
from ltxbuild.engine import deliver, files
from ltxbuild.engine.action import Ref, Timeout
from ltxbuild.engine.build import build as build_graph
from ltxbuild.engine.digest import of_bytes
from ltxbuild.engine.journal import FORMAT
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.state import State
from ltxbuild.engine.task import Task
from ltxbuild.engine.workspace import Workspace
from ltxbuild.problem import ProjectError
from tests.engine.claims import Facts, check
from tests.engine.harness import (
    MEMORY,
    Built,
    Call,
    Crash,
    InProcess,
    Outside,
    Silent,
    build_world,
    clock_ahead,
    delivered,
    write_sources,
)
from tests.engine.history import harm_journal, harm_object
from tests.engine.world import Node, World, make_graph, oracle

CHAIN = World(
    {
        "n0": Node("n0", ("a",), delivered=False),
        "n1": Node("n1", ("b",), ("n0",), delivered=False),
        "n2": Node("n2", (), ("n1",)),
    },
    {"a": "x", "b": "y"},
)


@pytest.fixture
def root() -> Iterator[Path]:
    """A project folder in memory."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


def build(root: Path, world: World = CHAIN, call: Call | None = None) -> Built:
    """One build with all claims."""
    before = Facts.of(root)
    built = build_world(root, world, call)
    check(root, world, call or Call(), before, built)
    return built


def object_of(root: Path, built: Built, name: str, output: str = "out") -> Path:
    space = Workspace(root, write=False)
    return space.store.path(built.outcome.records[name].outputs[output])


# Objects


@pytest.mark.parametrize("value", range(3), ids=["cut", "bit", "longer"])
def test_a_damaged_input_is_made_again_before_it_is_read(root: Path, value: int) -> None:
    first = build(root)
    harm_object(object_of(root, first, "n1"), "damage", value)
    world = CHAIN.change("n2", param=1)  # so that n1 is read
    built = build(root, world)
    assert set(built.ran) == {"n1", "n2"}
    assert any("n1 was lost or damaged" in note for note in built.reporter.notes)


@pytest.mark.parametrize("value", range(3), ids=["cut", "bit", "longer"])
def test_a_damaged_deliverable_is_made_again_before_it_is_copied(root: Path, value: int) -> None:
    first = build(root)
    harm_object(object_of(root, first, "n2"), "damage", value)
    shutil.rmtree(root / "build")
    assert build(root).ran == ["n2"]


def test_damage_that_nobody_reads_is_left_alone(root: Path) -> None:
    first = build(root)
    harm_object(object_of(root, first, "n0"), "damage", 1)
    assert build(root, CHAIN.change("n2", param=1)).ran == ["n2"]


def test_a_lost_output_whose_action_cannot_run_blocks_and_keeps_its_record(root: Path) -> None:
    """n1 is needed again and its own source is gone: the build says so, and a later one takes up the old record."""
    first = build(root)
    object_of(root, first, "n1").unlink()
    broken = build(root, CHAIN.change("n2", param=1).edit("b", None))
    assert broken.outcome.tally.failed["n1"] == f"cannot read {root / 'b'}: No such file or directory"
    assert broken.outcome.tally.blocked["n2"] == "it needs n1"
    records = State.load(root / ".ltxbuild" / "journal", write=False).records
    assert first.outcome.records["n1"].fingerprint in records


# The state


@pytest.mark.parametrize("what", [".ltxbuild", ".ltxbuild/objects", ".ltxbuild/tmp", "build"])
@pytest.mark.parametrize("number", range(3))
def test_a_folder_deleted_while_it_is_used(root: Path, what: str, number: int) -> None:
    build(root)
    world = CHAIN.edit("a", "new").change("n1", param=5).change("n2", param=5)
    left = [number]

    def during(task: Task) -> None:
        left[0] -= 1
        if left[0] == -1:
            shutil.rmtree(root / what)

    try:
        ended = build_world(root, world, Call(during=during))
    except ProjectError as error:
        assert error.problems[0].code in BUILD
        assert error.problems[0].hint
        assert error.exit_code == 1
    else:
        wanted = oracle(world)
        for name in ended.outcome.records.keys() & {"n2"}:
            assert (root / "build" / name).read_bytes() == (wanted[name] or {})["out"]
    assert left[0] < 0
    built = build(root, world)
    assert built.outcome.records.keys() == world.nodes.keys()


def test_a_damaged_line_of_the_journal_costs_that_line_alone(root: Path) -> None:
    build(root)
    journal = root / ".ltxbuild" / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if b'["record"' in line)
    lines[place] = lines[place].replace(b"record", b"rekord")
    journal.write_bytes(b"".join(lines))
    assert len(build(root).ran) == 1
    assert build(root).ran == []


def test_a_damaged_header_of_the_journal_costs_nothing(root: Path) -> None:
    build(root)
    harm_journal(root / ".ltxbuild" / "journal", "rot", 0, 0)
    assert build(root).ran == []
    assert b'[{"format":%d}]' % FORMAT in (root / ".ltxbuild" / "journal").read_bytes()


def test_the_state_of_a_newer_release_is_refused_and_the_folder_is_free_again(root: Path) -> None:
    from ltxbuild.engine.journal import encode

    build(root)
    journal = root / ".ltxbuild" / "journal"
    data = journal.read_bytes()
    journal.write_bytes(encode({"format": 99}))
    with pytest.raises(ProjectError) as caught:
        build_world(root, CHAIN)
    assert caught.value.problems[0].code == "B110"
    assert caught.value.exit_code == 2
    journal.write_bytes(data)  # a lock that was kept would refuse this build
    assert build(root).ran == []


def test_a_journal_that_is_no_file(root: Path) -> None:
    (root / ".ltxbuild" / "journal").mkdir(parents=True)
    with pytest.raises(ProjectError) as caught:
        build_world(root, CHAIN)
    assert caught.value.problems[0].code == "B134"
    (root / ".ltxbuild" / "journal").rmdir()
    assert set(build(root).ran) == {"n0", "n1", "n2"}


def test_leavings_of_a_killed_build_are_swept(root: Path) -> None:
    build(root)
    (root / ".ltxbuild" / "lock").write_text("process 1 (ltxbuild)\n")  # as a killed one leaves it
    for folder in (root, root / "build", root / ".ltxbuild"):
        (folder / f"{files.TEMPORARY}1-1").write_text("half")
    (root / ".ltxbuild" / "tmp" / "half").mkdir(parents=True)
    build(root)
    assert not list(root.rglob(f"{files.TEMPORARY}*"))
    assert not list((root / ".ltxbuild").glob("tmp/*"))


# Files of the user


def changing(root: Path, change: Callable[[int], None], times: int = 1) -> Callable[[Task], None]:
    """Calls `change` while n0 is reading, so many times."""
    done = [0]

    def during(task: Task) -> None:
        if task.action == "n0" and done[0] < times:
            done[0] += 1
            change(done[0])

    return during


def save(path: Path, text: str) -> None:
    """As editors save: a new file over the old one."""
    draft = path.with_name("draft")
    draft.write_text(text)
    draft.replace(path)


@pytest.mark.parametrize("ahead", [0, 10], ids=["young", "trusted"])
def test_a_clip_that_is_replaced_while_it_is_read(root: Path, ahead: float) -> None:
    with clock_ahead(ahead):
        built = build_world(root, CHAIN, Call(during=changing(root, lambda _: save(root / "a", "other"))))
    assert built.ran.count("n0") == 2
    assert any("changed while it was read" in note for note in built.reporter.notes)
    wanted = oracle(CHAIN.edit("a", "other"))["n2"]
    assert wanted is not None
    assert delivered(root) == {"n2": wanted["out"]}
    assert build(root, CHAIN.edit("a", "other")).ran == []


def test_a_clip_that_is_replaced_and_put_back_while_it_is_read(root: Path) -> None:
    """Its bytes are the same before and after, and what was read between them is not."""

    def swap(_: int) -> None:
        save(root / "a", "other")
        save(root / "a", "x")

    built = build_world(root, CHAIN, Call(during=changing(root, swap)))
    assert built.ran.count("n0") == 2
    assert build(root).ran == []


def test_a_clip_that_fails_because_it_is_replaced_is_tried_again(root: Path) -> None:
    def swap(_: int) -> None:
        save(root / "a", "other")
        raise OSError("half a file cannot be decoded")

    built = build_world(root, CHAIN, Call(during=changing(root, swap)))
    assert built.outcome.tally.failed == {}
    assert built.ran.count("n0") == 2


def test_a_clip_that_is_still_being_copied(root: Path) -> None:
    """It grows under every try: the build says so; once it is whole, the next build ends right."""

    def grow(count: int) -> None:
        with (root / "a").open("a") as clip:
            clip.write("more")

    built = build_world(root, CHAIN, Call(during=changing(root, grow, times=100)))
    assert built.outcome.tally.failed == {
        "n0": "an input file changed while it was read; wait until it is copied"
    }
    assert built.outcome.tally.blocked == {"n1": "it needs n0", "n2": "it needs n1"}
    whole = CHAIN.edit("a", (root / "a").read_text())
    assert set(build(root, whole).ran) == {"n0", "n1", "n2"}


def test_a_clip_that_changes_under_every_reading(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ltxbuild.engine import digest

    true = digest.of_file

    def of_file(path: Path) -> str:
        found = true(path)
        if path.name == "a":
            with path.open("a") as clip:
                clip.write("more")
        return found

    monkeypatch.setattr(digest, "of_file", of_file)
    built = build_world(root, CHAIN)
    assert built.outcome.tally.failed == {
        "n0": f"cannot read {root / 'a'}: it changes while it is read; wait until it is copied"
    }


@pytest.mark.parametrize("ahead", [0, 10, 10_000, -10_000])
def test_an_edit_that_keeps_size_and_mtime(root: Path, ahead: float) -> None:
    """With a clock that jumps, too: ahead, so that every stat is trusted at once, or back, so that none is."""
    with clock_ahead(ahead):
        build(root)
        before = (root / "a").stat()
        (root / "a").write_text("X")
        os.utime(root / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
        after = (root / "a").stat()
        assert (after.st_size, after.st_mtime_ns, after.st_ino) == (1, before.st_mtime_ns, before.st_ino)
        assert "n0" in build(root, CHAIN.edit("a", "X")).ran
        assert build(root, CHAIN.edit("a", "X")).ran == []


def test_a_write_during_a_long_reading_is_not_taken_for_old(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is read before the file: a second write in the tick of the first leaves stat and time as they were."""
    from ltxbuild.engine import statcache

    now = [10**18]
    (root / "a").write_text("x")
    (root / "b").write_text("y")
    monkeypatch.setattr(files, "clock", lambda folder: now[0])
    true = statcache.digest.of_file

    def of_file(path: Path) -> str:
        found = true(path)
        now[0] += 10**9  # it took a second
        return found

    monkeypatch.setattr(statcache.digest, "of_file", of_file)
    monkeypatch.setattr(statcache, "stat_key", lambda path: [1, 10**18 + 1, 10**18 + 1, path.stat().st_ino])
    space = Workspace(root, write=True)
    try:
        space.stats.digest("a")
        assert space.state.stats == {}
        space.stats.digest("a")
        assert list(space.state.stats) == ["a"]
    finally:
        space.close()


def test_whole_seconds_are_trusted_later() -> None:
    """FAT and some servers count in steps of up to two seconds."""
    from ltxbuild.engine.statcache import settled

    second = 10**9
    assert not settled([1, 5 * second, 5 * second, 1], 6 * second)
    assert settled([1, 5 * second, 5 * second, 1], 8 * second)
    assert settled([1, 5 * second + 1, 5 * second, 1], 6 * second)
    assert not settled([1, 5 * second + 1, 5 * second, 1], 5 * second + 10**8)


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "dangling"])
def test_a_source_that_is_no_file(root: Path, kind: str) -> None:
    (root / "b").write_text("y")
    if kind == "pipe":
        os.mkfifo(root / "a")  # opening it for reading would wait for ever
    elif kind == "folder":
        (root / "a").mkdir()
    else:
        (root / "a").symlink_to("a" if kind == "loop" else "nowhere")
    built = build_world(root, World(CHAIN.nodes, {"b": "y"}))
    assert built.outcome.tally.failed["n0"].startswith(f"cannot read {root / 'a'}: ")
    (root / "a").rmdir() if kind == "folder" else (root / "a").unlink()
    assert set(build(root).ran) == {"n0", "n1", "n2"}


def test_a_symlinked_clip_follows_its_target(root: Path) -> None:
    (root / "elsewhere").write_text("x")
    (root / "a").symlink_to("elsewhere")
    build(root)
    save(root / "elsewhere", "other")
    assert "n0" in build(root, CHAIN.edit("a", "other")).ran


# Deliverables


def test_a_deliverable_that_the_user_edited_is_kept_aside(root: Path) -> None:
    build(root)
    for number in (1, 2):
        (root / "build" / "n2").write_bytes(b"mine %d" % number)
        assert build(root).said == [
            f"build/n2 was changed by hand: kept as n2.local{'' if number == 1 else number}"
        ]
    kept = delivered(root)
    assert kept["n2.local"] == b"mine 1"
    assert kept["n2.local2"] == b"mine 2"


def test_an_edit_in_the_same_tick_as_the_delivery_is_seen(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As coarse clocks have it: the user's file has the size, the times and the inode of ours."""
    now = time.time_ns() + 10**12
    monkeypatch.setattr(deliver, "stat_key", lambda path: [8, now, now, 1])
    build(root)
    (root / "build" / "n2").write_bytes(b"mine and")
    assert build(root).said == ["build/n2 was changed by hand: kept as n2.local"]


@pytest.mark.parametrize("kind", ["folder", "link", "dangling"])
def test_something_of_the_user_in_the_place_of_a_deliverable(root: Path, kind: str) -> None:
    place = root / "build" / "n2"
    place.parent.mkdir()
    if kind == "folder":
        place.mkdir()
        (place / "inner").write_bytes(b"mine")
    else:
        (root / "own").write_bytes(b"mine")
        place.symlink_to("../own" if kind == "link" else "../nowhere")
    assert build_world(root, CHAIN).said == ["build/n2 was changed by hand: kept as n2.local"]
    aside = root / "build" / "n2.local"
    assert (aside / "inner").read_bytes() == b"mine" if kind == "folder" else aside.is_symlink()
    assert not place.is_symlink()
    assert kind != "link" or (root / "own").read_bytes() == b"mine"


def test_a_file_of_the_user_that_we_never_made_stays(root: Path) -> None:
    build(root)
    (root / "build" / "notes").write_bytes(b"mine")
    build(root, CHAIN.change("n2", delivered=False).change("n0", delivered=True))
    assert set(delivered(root)) == {"n0", "notes"}


def test_an_edited_deliverable_that_is_no_longer_made_stays(root: Path) -> None:
    build(root)
    (root / "build" / "n2").write_bytes(b"mine")
    build(root, CHAIN.change("n2", delivered=False))
    assert delivered(root) == {"n2": b"mine"}


@pytest.mark.parametrize("later", range(3))
def test_a_killed_delivery_does_not_take_its_own_file_for_the_users(root: Path, later: int) -> None:
    """Killed before, at or after the note of a copy, then edited: what lies there is ours, whatever the note says."""
    build(root)
    left = [later]

    def hook(operation: str, path: str) -> None:
        if (operation, path) == ("rename", str(root / "build" / "n2")) or left[0] < later:
            left[0] -= 1
        if left[0] < 0:
            raise Crash

    files.hook = hook
    try:
        with pytest.raises(Crash):
            build_world(root, CHAIN.change("n2", param=1))
    finally:
        files.hook = None
    assert build(root, CHAIN.change("n2", param=2)).said == []
    assert set(delivered(root)) == {"n2"}


# Names


def load_clips(root: Path, names: list[str], captions: str = "", follow: bool = False) -> list[str]:
    from ltxbuild.project.project import load
    from tests.project.folder import make

    make(root, captions=captions, clips=names)
    return [clip.key for clip in load(root, follow=follow).clips if clip.caption or not captions]


def refusal(root: Path, names: list[str], follow: bool = False) -> set[str]:
    with pytest.raises(ProjectError) as caught:
        load_clips(root, names, follow=follow)
    assert caught.value.exit_code == 2
    assert all(problem.hint for problem in caught.value.problems)
    return {problem.code for problem in caught.value.problems}


def test_names_that_differ_in_case_or_composition_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "case", ["mira.mp4", "Mira.mp4"]) == {"P302"}
    forms = [unicodedata.normalize(form, "é.mp4") for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    assert refusal(tmp_path / "forms", forms) == {"P302"}


def test_a_listing_with_a_clash_that_this_disk_cannot_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server lists it whose names this system takes for one."""
    from ltxbuild.project import clips

    class Entry:
        def __init__(self, name: str) -> None:
            self.name = name

        def is_symlink(self) -> bool:
            return False

        is_dir = is_symlink

    class Listing(list[Entry]):
        def __enter__(self) -> Listing:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    true = clips.os.scandir
    found = Listing([Entry("a.mp4"), Entry("A.MP4")])
    monkeypatch.setattr(clips.os, "scandir", lambda f: found if Path(f).name == "clips" else true(f))
    assert refusal(tmp_path, []) == {"P302"}


@pytest.mark.parametrize("file", ["NFC", "NFD"])
@pytest.mark.parametrize("key", ["NFC", "NFD"])
def test_a_caption_finds_its_clip_in_either_form(tmp_path: Path, file: str, key: str) -> None:
    caption = f'"{unicodedata.normalize(key, "café")}" = "mira_char at a table"\n'
    found = load_clips(tmp_path, [unicodedata.normalize(file, "café.mp4")], caption)
    assert found == [unicodedata.normalize("NFC", "café")]


def test_links_and_loops_in_clips(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "loop.mp4").symlink_to("loop.mp4")
    assert refusal(tmp_path, []) == {"P306"}
    assert refusal(tmp_path, [], follow=True) == {"P310"}
    (clips / "loop.mp4").unlink()
    (tmp_path / "elsewhere.mp4").touch()
    (clips / "linked.mp4").symlink_to("../elsewhere.mp4")
    assert refusal(tmp_path, []) == {"P306"}
    assert load_clips(tmp_path, [], follow=True) == ["linked"]
    (clips / "ring").symlink_to("..")
    assert refusal(tmp_path, [], follow=True) == {"P304"}


def test_log_names_are_files_and_do_not_meet(tmp_path: Path) -> None:
    space = Workspace(tmp_path, write=False)
    names = ["text:a b", "text:a_b", "text:a/b", "text:" + "é" * 120, "text:" + "é" * 120 + "2", "lint:all"]
    paths = [space.log(name) for name in names]
    assert len(set(paths)) == len(names)
    assert all(len(path.name.encode()) <= 255 and path.parent == space.folder / "logs" for path in paths)
    assert paths[-1].name == "lint_all.log"


# Twins, force, --strict


TWINS = World({name: Node(name, ("a",), fails=True) for name in ("n0", "n1", "n2", "n3", "n4")}, {"a": "x"})


def test_twins_that_fail_are_tried_once_and_all_told_so(root: Path) -> None:
    built = build(root, TWINS)
    assert len(built.ran) == 1
    assert built.outcome.tally.failed == dict.fromkeys(TWINS.nodes, "told to")


def test_twins_that_are_forced_run_once(root: Path) -> None:
    world = World({name: Node(name, ("a",)) for name in ("n0", "n1", "n2")}, {"a": "x"})
    build(root, world)
    forced = Call(options=BuildOptions(force=frozenset(world.nodes)))
    assert len(build(root, world, forced).ran) == 1


def test_twins_whose_output_is_lost_run_once(root: Path) -> None:
    world = World({name: Node(name, ("a",)) for name in ("n0", "n1", "n2")}, {"a": "x"})
    build(root, world)
    shutil.rmtree(root / ".ltxbuild" / "objects")
    shutil.rmtree(root / "build")
    built = build(root, world)
    assert len(built.ran) == 1
    assert set(delivered(root)) == {"n0", "n1", "n2"}


def test_strict_is_foreseen(root: Path) -> None:
    build(root)
    call = Call(options=BuildOptions(strict=True, made_with="torch 3"))
    built = build(root, CHAIN, call)
    assert built.prediction.of("run") == ["n0"]
    assert built.prediction.of("maybe") == ["n1", "n2"]
    assert [reason.text() for reason in built.prediction.forecasts["n0"].reasons] == [
        "no record of n0 counts: made with other libraries, or gone"
    ]
    assert built.ran == ["n0", "n1", "n2"]
    assert build(root, CHAIN, call).ran == []


# Limits


@pytest.mark.parametrize("most", [inf, 8.0])
def test_a_limit_grows_with_what_an_output_tells(most: float, root: Path) -> None:
    """Also with one that the action does not read itself; where it is lost, nothing is run again for its sake."""
    limits: dict[str, float | None] = {}

    def during(task: Task) -> None:
        limits[task.action] = task.timeout

    def run(param: int) -> list[str]:
        world = World({"n0": Node("n0", ("a",)), "n1": Node("n1", (), ("n0",))}, {"a": "x"})
        world = world.change("n1", param=param).change("n0", delivered=False)
        graph = make_graph(world)
        limit = Timeout(10, 20, Ref("n0", "ok"), "ok", most)
        graph.actions["n1"] = replace(graph.actions["n1"], timeout=limit)
        space, executor = Workspace(root, write=True), InProcess(during)
        write_sources(root, world)
        try:
            build_graph(graph, space, Outside(), ["n1"], executor, Silent(), BuildOptions())
        finally:
            space.close()
        return executor.ran

    assert run(0) == ["n0", "n1"]
    made = oracle(World({"n0": Node("n0", ("a",))}, {"a": "x"}))["n0"]
    assert made is not None
    assert limits == {"n0": None, "n1": min(most, 10 + 20 * made["ok"].startswith(b'{"ok":true'))}
    space = Workspace(root, write=False)
    space.store.path(of_bytes(made["ok"])).unlink()
    limits.clear()
    assert run(1) == ["n1"]
    assert limits == {"n1": None}


def test_a_twin_that_ends_while_a_guard_is_asked_is_not_run_again(root: Path) -> None:
    """n1 waits for its guard; meanwhile n2, which is the same but for the guard, has been made."""
    nodes = {"n0": Node("n0", ("b",)), "n1": Node("n1", ("a",), guard="n0"), "n2": Node("n2", ("a",))}
    built = build(root, World(nodes, {"a": "x", "b": "y"}))
    assert sorted(built.ran) in (["n0", "n1"], ["n0", "n2"])
    assert built.outcome.records["n1"] == built.outcome.records["n2"]


def test_what_only_a_maybe_needs_is_itself_a_maybe(root: Path) -> None:
    """n1 may be saved by early cutoff; then neither its guard is asked nor its lost input made again."""
    nodes = {
        "n0": Node("n0", ("a",), keep=0),
        "guard": Node("guard", ("b",), delivered=False),
        "lost": Node("lost", ("b",), param=2, delivered=False),
        "n1": Node("n1", (), ("n0", "lost"), guard="guard"),
    }
    world = World(nodes, {"a": "x", "b": "z"})  # with these the guard is open
    call = Call(("n1",))
    first = build(root, world, call)
    assert first.outcome.tally.blocked == {}
    object_of(root, first, "lost").unlink()
    world = world.edit("a", "other").change("guard", param=1)
    built = build(root, world, call)
    assert built.prediction.of("run") == ["n0"]
    assert set(built.prediction.of("maybe")) == {"guard", "lost", "n1"}
    assert built.ran == ["n0"]
