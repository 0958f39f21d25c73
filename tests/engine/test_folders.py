"""The same oracle on real project folders: captions, settings and clips edited at random, the real recipe, fake stages."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltxbuild.engine.digest import of_bytes
from tests.engine.claims import Facts
from tests.engine.folders import (
    CAPTIONS,
    SETTINGS,
    Clip,
    Done,
    Folder,
    build_folder,
    delivered,
    from_nothing,
    lose_all_but_records,
)
from tests.engine.harness import MEMORY, clock_ahead

KINDS = (
    "caption",
    "clip",
    "add",
    "remove",
    "rename",
    "skip",
    "table",
    "setting",
    "format",
    "objects",
    "state",
)
# What reads the names or the words of clips and no more: all that a renamed clip may touch.
READS_NAMES = {"lint_clip", "lint", "report"}
Step = tuple[str, int, int]
steps = st.tuples(st.sampled_from(KINDS), st.integers(0, 6), st.integers(0, 2))


def new_folder(root: Path) -> Folder:
    clips = {f"mira_0{i}": Clip(f"clip {i}", CAPTIONS[i % 2]) for i in range(3)}
    return Folder(root, clips)


def change(folder: Folder, kind: str, index: int, value: int) -> None:
    """One step in the life of a folder."""
    names = list(folder.clips)
    name = names[index % len(names)]
    clip = folder.clips[name]
    if kind == "caption":
        folder.clips[name] = replace(clip, caption=CAPTIONS[value])
    elif kind == "clip":
        folder.clips[name] = replace(clip, text=f"clip {value}")
    elif kind == "add":
        folder.clips[f"new_{index}"] = Clip(f"clip {index}", CAPTIONS[value])
    elif kind == "remove" and len(names) > 1:
        del folder.clips[name]
    elif kind == "rename":
        folder.clips = {f"{n}_x" if n == name else n: clip for n, clip in folder.clips.items()}
    elif kind == "skip":
        folder.clips[name] = replace(clip, extra=(("skip", value == 0 and len(names) > 1),))
    elif kind == "table":
        folder.clips[name] = replace(clip, extra=(("repeats", 1 + value), ("start", 0.5)))
    elif kind == "setting":
        key = list(SETTINGS)[index % len(SETTINGS)]
        folder.settings[key] = SETTINGS[key][value % 2]
    elif kind == "format":
        folder.style = value
    elif kind == "objects":
        lose_all_but_records(folder.root)
    elif kind == "state":
        (folder.root / ".ltxbuild" / "journal").unlink()


def check(folder: Folder) -> Done:
    """Build; right bytes everywhere, as predicted, and a second build does nothing."""
    folder.write()
    before = Facts.of(folder.root)
    done = build_folder(folder.root)
    wanted = from_nothing(done.graph, folder.root)
    visited = done.outcome.records.keys()
    assert set(done.graph.resolve(["default"])) <= visited
    for name in visited:
        made = {output: of_bytes(data) for output, data in wanted[name].items()}
        assert done.outcome.records[name].outputs == made, name
    assert {i.path: wanted[i.ref.action][i.ref.output] for i in done.graph.deliverables} == {
        path: data for path, data in delivered(folder.root).items() if ".local" not in path
    }
    run, maybe = set(done.prediction.of("run")), set(done.prediction.of("maybe"))
    assert set(done.ran) <= run | maybe
    states = {done.outcome.records[name].fingerprint for name in done.ran}
    assert {done.outcome.records[name].fingerprint for name in run} <= states
    assert len(states) == len(done.ran), "one fingerprint ran twice"
    for name in states & before.records.keys():
        assert not set(before.records[name].outputs.values()) <= before.sound, "work was redone"
    again = build_folder(folder.root)
    assert (again.ran, again.prediction.of("run"), again.said) == ([], [], [])
    return done


def live_through(history: list[Step], ahead: float) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as root, clock_ahead(ahead):
        folder = new_folder(Path(root))
        assert len(check(folder).ran) > 50
        for kind, index, value in history:
            change(folder, kind, index, value)
            check(folder)


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(steps, min_size=1, max_size=3), ahead=st.sampled_from([0, 10]))
def test_folders_equal_those_built_from_nothing(history: list[Step], ahead: float) -> None:
    live_through(history, ahead)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=300, derandomize=False, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(steps, min_size=1, max_size=6), ahead=st.sampled_from([0, 10]))
def test_folders_equal_those_built_from_nothing_at_length(history: list[Step], ahead: float) -> None:
    live_through(history, ahead)


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """A folder that was built once."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        check(new_folder(Path(root) / "mira"))
        yield Path(root)


@pytest.fixture
def folder(built: Path, request: pytest.FixtureRequest) -> Folder:
    """A copy of it, free to be changed."""
    root = built / f"copy-{request.node.name}"
    shutil.copytree(built / "mira", root)
    return new_folder(root)


def stages(done: Done) -> set[str]:
    return {done.graph.actions[name].stage for name in done.ran}


def test_formatting_runs_nothing(folder: Folder) -> None:
    for style in (1, 2, 0):
        folder.style = style
        assert check(folder).ran == []


def test_a_renamed_clip_runs_only_what_reads_names(folder: Folder) -> None:
    change(folder, "rename", 1, 0)
    ran = stages(check(folder))
    assert ran
    assert ran <= READS_NAMES


def test_going_back_runs_nothing(folder: Folder) -> None:
    first = folder.clips
    change(folder, "caption", 0, 2)
    assert "text" in stages(check(folder))
    folder.clips = first
    assert check(folder).ran == []


def test_a_caption_touches_no_picture(folder: Folder) -> None:
    change(folder, "caption", 0, 2)
    assert not stages(check(folder)) & {"probe", "scan", "transcode", "preview", "bucket", "latents"}


def test_a_new_clip_touches_no_other(folder: Folder) -> None:
    change(folder, "add", 5, 0)
    media = [
        n
        for n in check(folder).ran
        if n.split(":")[0] in ("probe", "scan", "transcode", "latents", "preview")
    ]
    assert media
    assert all(name.endswith(":new_5") for name in media)


def test_lost_objects_are_made_again_as_far_as_they_are_delivered(folder: Folder) -> None:
    lose_all_but_records(folder.root)
    done = check(folder)
    assert done.ran
    assert len(done.ran) < len(done.outcome.records)
    assert {item.ref.action for item in done.graph.deliverables} <= {
        name
        for name, record in done.outcome.records.items()
        if record.fingerprint in {done.outcome.records[ran].fingerprint for ran in done.ran}
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_changes_a_folder(kind: str, folder: Folder) -> None:
    def listing() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in folder.root.rglob("*") if p.is_file() and p.name != "clock"}

    before = listing()
    for value in (2, 1):  # one of them may be what it is already
        if listing() == before:
            change(folder, kind, 0, value)
            folder.write()
    assert listing() != before


@pytest.mark.parametrize("name", ["all", "fast", "a:b", "fast:a:b", "quality:0000"])
def test_a_clip_may_have_any_name_that_a_file_has(folder: Folder, name: str) -> None:
    """Names of clips stand in the ids of actions, where others have a meaning."""
    folder.clips[name] = Clip("clip 7", CAPTIONS[0])
    folder.clips["b"] = Clip("clip 8", CAPTIONS[1])
    assert len(check(folder).ran) > 10
