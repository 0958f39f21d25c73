"""A dataset may come from strangers, and a call may be killed: nothing is read from elsewhere, nothing is half there."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ltxbuild.dataset import source as sources
from ltxbuild.dataset.fresh import fresh_folder
from ltxbuild.engine.files import TEMPORARY
from ltxbuild.problem import ProjectError
from tests.dataset.places import Run, call, captions, fill, take

ONE = "zorbq_char, a woman walks"
GOOD = {"a.mp4": "A", "a.txt": ONE}


def refused(source: Path, target: Path, code: str) -> Run:
    """Import, and see that it is refused with exit code 2 and leaves nothing."""
    around = sorted(p.name for p in target.parent.iterdir())
    done = call("init", "style", target, "--from", source)
    assert done.code == 2 and f"error[{code}]" in done.err, done.err
    assert not target.exists() and sorted(p.name for p in target.parent.iterdir()) == around
    return done


def member(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def zip_of(path: Path, *members: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in GOOD.items():
            archive.writestr(name, text)
        for info, data in members:
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize(
    ("info", "data", "why"),
    [
        (member("../out.mp4"), b"x", "leads out of the zip"),
        (member("deep/../../out.mp4"), b"x", "leads out of the zip"),
        (member("/etc/out.mp4"), b"x", "leads out of the zip"),
        (member("C:/out.mp4"), b"x", "leads out of the zip"),
        (member("up\\..\\out.mp4"), b"x", "leads out of the zip"),
        (member("l.mp4", stat.S_IFLNK | 0o777), b"/etc/passwd", "is a symlink"),
        (member("bell\a.mp4"), b"x", "invisible character"),
        (member("./a.mp4"), b"x", "stands in it twice"),
        (member("big.mp4"), bytes(30 * 2**20), "would grow more than 200 times"),
    ],
)
def test_unsafe_zips(info: zipfile.ZipInfo, data: bytes, why: str, tmp_path: Path) -> None:
    done = refused(zip_of(tmp_path / "z.zip", (info, data)), tmp_path / "mira", "D102")
    assert why in done.err and not list(tmp_path.glob("**/out.mp4"))


def test_a_zip_that_packs_well_but_not_absurdly_is_taken(tmp_path: Path) -> None:
    data = (os.urandom(20_000) + bytes(80_000)) * 20
    info = member("big.mp4")
    path = zip_of(fill(tmp_path / "s", {}) / "z.zip", (info, data), (member("big.txt"), ONE.encode()))
    project, _ = take(path, tmp_path / "mira")
    assert (project.root / "clips/big.mp4").read_bytes() == data


def test_an_encrypted_and_a_damaged_zip(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "z.zip")
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    secret = data[:]
    secret[central + 8] |= 1
    assert (
        "is encrypted"
        in refused(fill(tmp_path, {"e.zip": bytes(secret)}) / "e.zip", tmp_path / "m", "D102").err
    )
    torn = data[:]
    torn[data.index(b"A", 30 + len("a.mp4"))] ^= 0xFF
    assert (
        "a.mp4 cannot be read"
        in refused(fill(tmp_path, {"t.zip": bytes(torn)}) / "t.zip", tmp_path / "m", "D108").err
    )


def test_limits_on_files_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fill(tmp_path / "source", GOOD | {"b.mp4": "B"})
    path = zip_of(tmp_path / "z.zip", (member("b.mp4"), b"B"))
    monkeypatch.setattr(sources, "MOST_FILES", 2)
    for place in (source, path):
        assert "more than 2 files" in refused(place, tmp_path / "mira", "D107").err
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    take(source, tmp_path / "three")
    with (source / "huge.mp4").open("wb") as file:
        file.truncate(sources.MOST_BYTES + 1)
    monkeypatch.setattr(sources, "MOST_FILES", 4)
    assert "more than the 500 GB" in refused(source, tmp_path / "mira", "D107").err


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../up.mp4",
        "a/../../up.mp4",
        "C:\\up.mp4",
        "~/up.mp4",
        "x\u202e.mp4",
        "link/up.mp4",
        ".",
    ],
)
@pytest.mark.parametrize("column", ["media_path", "reference_video"])
def test_rows_that_lead_elsewhere_are_not_followed(path: str, column: str, tmp_path: Path) -> None:
    fill(tmp_path, {"up.mp4": "secret"})
    row = {"caption": ONE, "media_path": "b.mp4"} | {column: path}
    rows = [{"caption": ONE, "media_path": "a.mp4"}, row]
    source = fill(tmp_path / "source", {"a.mp4": "A", "b.mp4": "B", "d.json": json.dumps(rows)})
    (source / "link").symlink_to(tmp_path)
    project, said = take(source, tmp_path / "mira", kind="control")
    assert set(captions(project)) == ({"a"} if column == "media_path" else {"a", "b"})
    assert "warning[D20" in said and "--> d.json:1:1" in said
    assert not [p for p in project.root.rglob("*.mp4") if p.read_bytes() == b"secret"]


@pytest.mark.parametrize(
    "toml", ['video_directory = "../up"', 'video_directory = "/"', 'video_jsonl_file = "../up/l.jsonl"']
)
def test_configurations_that_lead_elsewhere_are_not_followed(toml: str, tmp_path: Path) -> None:
    fill(tmp_path / "up", GOOD | {"l.jsonl": json.dumps({"video_path": "a.mp4", "caption": ONE})})
    source = fill(tmp_path / "source", {"d.toml": f"[[datasets]]\n{toml}\n"})
    assert "lies outside of source" in refused(source, tmp_path / "mira", "D105").err


def test_files_that_are_none(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", GOOD | {"bell\a.mp4": "B"})
    os.mkfifo(source / "pipe.mp4")
    deep = source.joinpath(*["d"] * 14)
    deep.mkdir(parents=True)
    project, said = take(source, tmp_path / "mira")
    assert set(captions(project)) == {"a"}
    assert "pipe.mp4 is neither file nor folder" in said and "more than 12 folders deep" in said
    assert "bell\\x07.mp4 has the invisible character U+0007" in said


def test_a_list_that_is_a_symlink_is_not_read(tmp_path: Path) -> None:
    fill(tmp_path, {"real.json": json.dumps([{"caption": ONE, "media_path": "a.mp4"}])})
    source = fill(tmp_path / "source", GOOD)
    (source / "d.json").symlink_to(tmp_path / "real.json")
    refused(source / "d.json", tmp_path / "mira", "D101")


@pytest.mark.parametrize("place", ["source/mira", "source/deep/mira"])
def test_a_project_inside_of_its_source_is_refused(place: str, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", GOOD | {"deep/b.mp4": "B"})
    refused(source, tmp_path / place, "D150")
    (tmp_path / "link").symlink_to(source)
    refused(tmp_path / "link", tmp_path / place, "D150")


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda p: p.symlink_to("nowhere")])
def test_what_exists_is_not_overwritten(make: Callable[[Path], None], tmp_path: Path) -> None:
    source = fill(tmp_path / "source", GOOD)
    make(tmp_path / "mira")
    done = call("init", "style", tmp_path / "mira", "--from", source)
    assert done.code == 2 and "error[P106]" in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mira", "source"]


def test_a_killed_import_leaves_no_project_and_the_next_one_takes_over(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", GOOD | {"b.mp4": "", "b.txt": ONE})
    with (source / "b.mp4").open("wb") as file:
        file.truncate(20 * 2**30)  # a hole: no room on the disk, and far too much to copy
    command = [
        sys.executable,
        "-m",
        "ltxbuild",
        "init",
        "style",
        str(tmp_path / "mira"),
        "--from",
        str(source),
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(f"{TEMPORARY}*/clips/b.mp4")):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.005)
        busy = call("init", "style", tmp_path / "mira", "--from", fill(tmp_path / "other", GOOD))
        process.send_signal(signal.SIGKILL)
    assert busy.code == 2 and "error[D109]" in busy.err
    assert not (tmp_path / "mira").exists() and list(tmp_path.glob(f"{TEMPORARY}*"))
    (source / "b.mp4").write_bytes(b"B")
    project, _ = take(source, tmp_path / "mira")
    assert set(captions(project)) == {"a", "b"} and not list(tmp_path.glob(f"{TEMPORARY}*"))


def test_a_failed_filling_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), fresh_folder(tmp_path / "mira") as folder:
        (folder / "deep").mkdir()
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_two_fillings_of_one_folder_at_once(tmp_path: Path) -> None:
    with fresh_folder(tmp_path / "mira") as folder:
        with pytest.raises(ProjectError) as caught, fresh_folder(tmp_path / "mira"):
            raise AssertionError("the lock was given twice")
        (folder / "file").touch()
    assert caught.value.problems[0].code == "D109" and (tmp_path / "mira/file").exists()
    handle = os.open(tmp_path / "mira", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the lock is gone
    os.close(handle)


def test_a_clip_that_cannot_be_read_is_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fill(tmp_path / "source", GOOD | {"b.mp4": "B", "b.txt": ONE})
    real = sources.Folder.open

    def broken(self: sources.Folder, path: str) -> object:
        if path.endswith(".mp4"):
            raise PermissionError(13, "Permission denied")
        return real(self, path)

    monkeypatch.setattr(sources.Folder, "open", broken)
    assert refused(source, tmp_path / "mira", "D108").err.count("error[D108]") == 2
