"""Watching, without a clock and without waiting: when a change is over, what is heavy, what is no longer wanted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxbuild.engine.action import Action, Guard, Ref
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.forecast import Forecast, Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.task import OnProgress, Result, Task
from ltxbuild.engine.watch.attended import Attended
from ltxbuild.engine.watch.heavy import asks_for_heavy, light_part, obsolete, steps
from ltxbuild.engine.watch.mounts import REMOTE, filesystem_of, is_remote
from ltxbuild.engine.watch.place import Look, Place, Stats
from ltxbuild.engine.watch.settling import PATIENCE, QUIET, STILL, Changes, Settling, differences

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:40 / /mnt/c rw,noatime - 9p C:\134 rw,dirsync,aname=drvfs
41 22 0:41 / /home/mira/share rw shared:9 master:1 - cifs //nas/share rw
42 22 0:42 / /home/mira/my\040clips rw - fuse.sshfs host:/clips rw
43 22 8:2 / /media/disk rw - fuseblk /dev/sdb1 rw
44 22 0:44 / /data rw - nfs4 server:/data rw
45 44 8:3 / /data/local rw - xfs /dev/sdc1 rw
46 44 0:46 / /data/local rw - tmpfs tmpfs rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind", "remote"),
    [
        ("/home/mira/project", "ext4", False),
        ("/mnt/c/Users/mira", "9p", True),
        ("/mnt/cc", "ext4", False),
        ("/home/mira/share/a", "cifs", True),
        ("/home/mira/my clips/a", "fuse.sshfs", True),
        ("/media/disk/a", "fuseblk", False),
        ("/data/a", "nfs4", True),
        ("/data/local/a", "tmpfs", False),
        ("/", "ext4", False),
    ],
)
def test_kind_of_filesystem(path: str, kind: str, remote: bool) -> None:
    assert filesystem_of(path, MOUNTS) == kind
    assert is_remote(kind) == remote


def test_without_mounts_nothing_is_remote() -> None:
    assert filesystem_of("/a", "") == ""
    assert not is_remote("")
    assert {"nfs", "cifs", "9p", "drvfs", "virtiofs"} <= REMOTE


TOML, CAPTIONS = "lora.toml", "captions.toml"
PLACE = Place(Path("/project"), (TOML, CAPTIONS), ("clips",))
A, B = "clips/a.mp4", "clips/b.mp4"


def stats(version: int) -> Stats:
    return (version, version, version, 1)


class Story:
    """Looks at a folder that changes, as often as it is asked to, until something is reported."""

    def __init__(self) -> None:
        self.files: dict[str, Stats] = {TOML: stats(0), CAPTIONS: stats(0), A: stats(0)}
        self.now = 1000.0
        self.settling = Settling(PLACE)
        ages = dict.fromkeys(self.files, STILL)
        first = self.settling.see(dict(self.files), self.now, ages)
        assert isinstance(first, Changes) and set(first.names) == set(self.files)

    def see(self) -> Changes | float | None:
        return self.settling.see(dict(self.files), self.now)

    def pass_time(self, seconds: float, at_most: int = 1000) -> Changes | None:
        """Look whenever it is asked for until the time has passed; the first report ends it."""
        end = self.now + seconds
        for _ in range(at_most):
            answer = self.see()
            if isinstance(answer, Changes):
                return answer
            if answer is None or self.now + answer > end:
                self.now = end
                return None
            self.now += answer
        raise AssertionError("it never settles")


def names(changes: Changes | None) -> dict[str, str]:
    assert changes is not None
    return dict(changes.names)


def test_nothing_new_is_never_reported() -> None:
    story = Story()
    assert story.see() is None
    assert story.pass_time(100) is None


def test_a_save_is_reported_after_a_short_quiet() -> None:
    story = Story()
    story.files[CAPTIONS] = stats(1)
    assert story.pass_time(QUIET * 0.9) is None
    assert names(story.pass_time(QUIET)) == {CAPTIONS: "changed"}
    assert story.pass_time(100) is None


def test_an_atomic_save_in_several_steps_is_one_change() -> None:
    story = Story()
    del story.files[CAPTIONS]  # vim renames the old file away ...
    assert isinstance(story.see(), float)
    story.now += 0.004
    story.files[CAPTIONS] = (0, 0, 0, 2)  # ... creates an empty one ...
    assert isinstance(story.see(), float)
    story.now += 0.004
    story.files[CAPTIONS] = (9, 9, 9, 2)  # ... and writes it
    assert names(story.pass_time(1)) == {CAPTIONS: "changed"}


def test_a_file_that_went_and_came_back_as_it_was_is_no_change() -> None:
    story = Story()
    before = story.files.pop(CAPTIONS)
    story.see()
    story.now += 0.01
    story.files[CAPTIONS] = before
    assert story.pass_time(10) is None


def test_a_deleted_file_is_reported() -> None:
    story = Story()
    del story.files[TOML], story.files[A]
    assert names(story.pass_time(1)) == {TOML: "gone", A: "gone"}


def test_a_clip_is_used_when_it_stood_still() -> None:
    story = Story()
    for size in range(1, 40):
        story.files[B] = stats(size)
        assert story.pass_time(STILL / 2) is None
    assert names(story.pass_time(STILL)) == {B: "new"}


def test_a_save_waits_a_little_for_clips_and_then_goes_without_them() -> None:
    story = Story()
    story.files[CAPTIONS] = stats(1)
    found, waited = None, 0.0
    while found is None:
        story.files[B] = stats(int(story.now * 1000))  # it keeps growing
        found = story.pass_time(0.2)
        waited += 0.2
    assert names(found) == {CAPTIONS: "changed"}
    assert found.moving == {B}
    assert PATIENCE <= waited < PATIENCE + 1
    found = story.pass_time(2 * STILL)
    assert names(found) == {B: "new"}
    assert found is not None and not found.moving


def test_a_short_burst_of_clips_and_captions_is_one_change() -> None:
    story = Story()
    for step in range(10):  # git checkout writes file after file
        story.files[f"clips/n{step}.mp4"] = stats(1)
        assert story.pass_time(0.02) is None
    story.files[CAPTIONS] = stats(1)
    del story.files[A]
    found = story.pass_time(5)
    assert len(names(found)) == 12
    assert found is not None and not found.moving


def test_a_clip_that_was_being_copied_when_the_watch_began_is_waited_for() -> None:
    settling = Settling(PLACE)
    files = {TOML: stats(0), A: stats(0), B: stats(0)}
    answer = settling.see(files, 5.0, {TOML: 100.0, A: 100.0, B: 0.2})
    assert answer == pytest.approx(STILL - 0.2)
    answer = settling.see(files, 5.0 + STILL)
    assert isinstance(answer, Changes) and set(answer.names) == set(files)


moves = st.lists(
    st.tuples(st.sampled_from([TOML, CAPTIONS, A, B]), st.integers(0, 3), st.floats(0, 2)), max_size=30
)


@given(moves)
def test_every_history_is_reported_in_the_end(history: Sequence[tuple[str, int, float]]) -> None:
    """What the reports add up to is what is there, whatever happened; and it comes to rest."""
    story = Story()
    known: dict[str, Stats] = dict(story.files)

    def note(changes: Changes | None) -> None:
        for name, word in (changes.names if changes else {}).items():
            assert (word == "gone") == (name not in story.files)
            assert (word == "new") == (name not in known)
            if name in story.files:
                known[name] = story.files[name]
            else:
                del known[name]

    for name, version, seconds in history:
        if version:
            story.files[name] = stats(version)
        else:
            story.files.pop(name, None)
        note(story.pass_time(seconds))
    while (last := story.pass_time(60)) is not None:
        note(last)
    assert known == story.files
    assert story.see() is None


def test_differences_are_complete() -> None:
    before: Look = {"a": stats(1), "b": stats(1), "c": stats(1)}
    after: Look = {"b": stats(1), "c": stats(2), "d": stats(1)}
    assert differences(before, after) == {"a": "gone", "c": "changed", "d": "new"}


def test_a_look_sees_inputs_and_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "config" / "config.toml"
    place = Place(tmp_path / "p", (TOML, CAPTIONS, str(other)), ("clips", "references"))
    assert place.look() == {}
    for name in (TOML, "clips/a.mp4", "clips/.a.mp4.swp", ".ltxbuild/journal", "build/x", "ltxbuild.lock"):
        path = tmp_path / "p" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for name in (".#lora.toml", "#lora.toml#", "lora.toml~", "4913", ".lora.toml.swp", ".git"):
        (tmp_path / "p" / name).write_text("x")
    assert set(place.look()) == {TOML, "clips", "clips/a.mp4"}
    assert place.watched_folders() == (tmp_path / "p", tmp_path, *(tmp_path / "p" / f for f in place.folders))
    other.parent.mkdir()
    other.write_text("")
    assert str(other) in place.look()
    assert other.parent in place.watched_folders()


def test_a_folder_looks_the_same_however_often_an_editor_comes_by(tmp_path: Path) -> None:
    place = Place(tmp_path, (), ("clips",))
    (tmp_path / "clips").mkdir()
    before = place.look()
    (tmp_path / "clips" / ".hidden").write_text("x")
    os.utime(tmp_path / "clips", (1, 1))
    assert place.look() == before
    (tmp_path / "clips" / ".hidden").unlink()
    (tmp_path / "clips").rmdir()
    (tmp_path / "clips").write_text("a file")
    assert place.look() != before


def graph() -> Graph:
    """Two light actions, a heavy one behind a light guard, and a light one behind the heavy one."""
    made = Graph()

    def add(name: str, *inputs: str, worker: str = "light", guard: str = "") -> None:
        guards = (Guard("g", Ref(guard, "out")),) if guard else ()
        tree = {f"i{n}": Ref(one, "out") for n, one in enumerate(inputs)}
        made.add(Action(name, "stage", 1, ("out",), inputs=tree, guards=guards, worker=worker))

    add("probe", worker="media")
    add("lint", "probe")
    add("text", worker="model")
    add("train", "text", worker="model", guard="lint")
    add("report", "train", "probe")
    add("behind", guard="train")
    made.check()
    return made


def test_light_is_what_needs_nothing_heavy() -> None:
    assert light_part(graph(), ["report"]) == ("probe", "lint")
    assert light_part(graph(), ["lint"]) == ("probe", "lint")
    assert light_part(graph(), ["behind"]) == ("probe", "lint"), "a guard counts as much as an input"
    assert light_part(graph(), ["text"]) == ()


def test_what_lies_behind_the_gate_is_a_step_of_its_own() -> None:
    made = graph()
    assert steps(made, ["report"], "g") == [(("lint",), "quiet"), (("report",), "enter")]
    assert steps(made, ["report"], "gate") == [(("report",), "quiet")]
    assert steps(made, ["text"], "g") == [(("text",), "quiet")]


def forecast(name: str, state: str, fingerprint: str) -> Forecast:
    return Forecast(name, state, (), fingerprint, None)


def prediction(**states: tuple[str, str]) -> Prediction:
    return Prediction({name: forecast(name, *what) for name, what in states.items()})


def test_heavy_is_asked_for_unless_it_is_fresh() -> None:
    fresh, run, maybe = ("fresh", "a"), ("run", "b"), ("maybe", "")
    assert not asks_for_heavy(graph(), prediction(probe=run, lint=maybe, train=fresh, report=run))
    assert asks_for_heavy(graph(), prediction(train=maybe))
    assert asks_for_heavy(graph(), prediction(text=run, train=maybe))


def test_what_runs_is_obsolete_if_nothing_of_it_is_known_to_be_wanted() -> None:
    wanted = prediction(text=("fresh", "t"), train=("run", "f"), report=("maybe", ""))
    assert not obsolete({"f"}, wanted)
    assert not obsolete({"f", "other"}, wanted), "as long as one is wanted, all go on"
    assert obsolete({"other"}, wanted)
    assert not obsolete(set(), wanted), "nothing runs that could be stopped"
    assert obsolete({"f"}, prediction(text=("run", "t2"), train=("maybe", "")))


class Script:
    """An executor that answers as told."""

    def __init__(self, **answers: Result) -> None:
        self.slots = {"light": 1, "media": 1, "model": 1}
        self.answers, self.ran = answers, list[str]()
        self.attended: Attended | None = None
        self.seen: list[set[str]] = []

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        self.ran.append(task.action)
        if self.attended is not None:
            self.seen.append(set(self.attended.running))
        return self.answers[task.action]

    def interrupt(self) -> None: ...

    def kill(self) -> None: ...

    async def close(self) -> None: ...


class Heard:
    """A reporter that remembers failures and anything else by name."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.notes: list[str] = []

    def failed(self, action: str, message: str, tail: tuple[str, ...], bug: bool) -> None:
        self.failures.append(action)

    def note(self, text: str) -> None:
        self.notes.append(text)


def task(action: str, fingerprint: str, worker: str = "light") -> Task:
    nowhere = Path("/nowhere")
    return Task(action, fingerprint, "stage", worker, {}, {}, {}, nowhere, nowhere, nowhere, None)


def ignore(done: float, total: float, unit: str, figures: object) -> None:
    """No progress is expected."""


def test_a_failure_is_not_tried_again_until_something_changes() -> None:
    inner = Script(bad=Result("failed", "broken"), good=Result("done"))
    attended = Attended(inner)
    heard = Heard()
    once = attended.once(cast(Reporter, heard))

    def build(fingerprint: str) -> Result:
        result = asyncio.run(attended.run(task("bad", fingerprint), ignore))
        once.failed("bad", result.message, (), False)
        return result

    assert build("f1").message == "broken"
    assert build("f1").message == "broken"
    assert inner.ran == ["bad"]
    assert heard.failures == ["bad"], "told once"
    build("f2")
    assert inner.ran == ["bad", "bad"], "another input is another try"
    assert heard.failures == ["bad", "bad"]
    attended.forgive()
    build("f2")
    assert len(inner.ran) == 3
    assert asyncio.run(attended.run(task("good", "f3"), ignore)).kind == "done"
    once.note("hello")
    assert heard.notes == ["hello"]


def test_heavy_tasks_are_known_while_they_run() -> None:
    inner = Script(train=Result("interrupted"), lint=Result("done"))
    attended = Attended(inner)
    inner.attended = attended
    started: list[str] = []
    attended.on_start = lambda: started.append("x")
    asyncio.run(attended.run(task("train", "f", "model"), ignore))
    asyncio.run(attended.run(task("lint", "g"), ignore))
    assert inner.seen == [{"f"}, set()]
    assert started == ["x"]
    assert not attended.running
    asyncio.run(attended.run(task("train", "f", "model"), ignore))
    assert inner.ran.count("train") == 2, "what was interrupted has not failed"
