"""Builds on disks that are full or read-only: `unshare -m python -m tests.engine.small_disk KIND FOLDER`.

Runs in a mount namespace of its own, where it may mount what it likes. One line of JSON for each case.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ltxbuild.engine.build import predict
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.workspace import Workspace
from ltxbuild.problem import ProjectError
from tests.engine.claims import Facts, check
from tests.engine.harness import Call, Outside, build_world, delivered, write_sources
from tests.engine.killing import FIRST, SECOND
from tests.engine.world import World, make_graph

PAGE = 4096
ROOMY = 4 << 20
NOBODY = 65534


def mount(root: Path, options: str) -> None:
    """A filesystem in memory at `root`, or other options for the one that is there."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(root)], check=True)


@contextmanager
def small_disk(root: Path) -> Iterator[Path]:
    """A disk of its own at `root`."""
    root.mkdir()
    mount(root, f"size={ROOMY}")
    try:
        yield root
    finally:
        subprocess.run(["umount", str(root)], check=True)


def leave_room(root: Path, pages: int) -> None:
    """Fill the disk up to so many pages."""
    stats = os.statvfs(root)
    (root / "ballast").write_bytes(bytes((stats.f_bavail * stats.f_bsize // PAGE - pages) * PAGE))


def attempt(root: Path, world: World) -> str:
    """Build; the code of the problem that it ended with, `failed` if an action could not write, else `built`."""
    try:
        built = build_world(root, world)
    except ProjectError as error:
        assert error.exit_code in (1, 2)
        assert all(problem.hint for problem in error.problems)
        return error.problems[0].code
    if built.outcome.tally.failed:
        assert all("space" in why or "Read-only" in why for why in built.outcome.tally.failed.values())
        return "failed"
    return "built"


def ends_right(root: Path, world: World) -> None:
    """The next build, with room again."""
    before = Facts.of(root)
    built = build_world(root, world)
    check(root, world, Call(), before, built)
    assert built.outcome.records.keys() == world.nodes.keys()


def tell(**facts: object) -> None:
    """One case."""
    print(json.dumps(facts), flush=True)


def full(folder: Path) -> None:
    """Room for 0, 1, 2, ... pages until that is enough, in a new folder and in one that was built."""
    for case in ("new", "built"):
        for pages in itertools.count():
            with small_disk(folder / f"{case}{pages}") as root:
                if _full(root, case, pages) == "built":
                    break


def _full(root: Path, case: str, pages: int) -> str:
    world = FIRST if case == "new" else SECOND
    if case == "built":
        build_world(root, FIRST)
        (root / "build" / "n2").write_bytes(b"mine")
    write_sources(root, world)
    leave_room(root, pages)
    ended = attempt(root, world)
    tell(case=case, pages=pages, ended=ended)
    (root / "ballast").unlink()
    ends_right(root, world)
    assert case == "new" or b"mine" in delivered(root).values()
    return ended


def read_only(folder: Path) -> None:
    """A folder that was never built, one that was, and one whose state alone is read-only."""
    with small_disk(folder / "new") as root:
        write_sources(root, FIRST)
        mount(root, "remount,ro")
        tell(case="new", ended=attempt(root, FIRST))
        mount(root, "remount,rw")
        ends_right(root, FIRST)
    with small_disk(folder / "built") as root:
        build_world(root, FIRST)
        write_sources(root, SECOND)
        mount(root, "remount,ro")
        tell(case="built", ended=attempt(root, SECOND))
        space = Workspace(root, write=False)
        graph = make_graph(SECOND)
        foreseen = predict(graph, space, Outside(), tuple(SECOND.nodes), BuildOptions())
        space.close()
        tell(case="looking", ended="run" if foreseen.of("run") else "nothing")
        mount(root, "remount,rw")
        ends_right(root, SECOND)
    with small_disk(folder / "results") as root:
        build_world(root, FIRST)
        (root / "build" / "n4").unlink()
        subprocess.run(["mount", "--bind", str(root / "build"), str(root / "build")], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(root / "build")], check=True)
        tell(case="results", ended=attempt(root, FIRST))
        subprocess.run(["umount", str(root / "build")], check=True)
        ends_right(root, FIRST)


def command(folder: Path) -> None:
    """The real command on a full and on a read-only disk."""
    from tests.project.folder import make

    for case, spoil in (
        ("full", lambda r: leave_room(r, 0)),
        ("read-only", lambda r: mount(r, "remount,ro")),
    ):
        with small_disk(folder / case) as root:
            make(root, 'name = "m"\ntrigger = "mm"\nclass = "cat"\ntype = "object"\nbase = "tiny"\n')
            spoil(root)
            done = subprocess.run(
                [sys.executable, "-m", "ltxbuild", "-C", str(root), "lint"], capture_output=True, text=True
            )
            tell(case=case, ended=done.returncode, said=done.stderr)


def stranger(folder: Path) -> None:
    """Somebody without rights: to write at all, to read the state, to read an object that is needed."""
    folder.chmod(0o755)
    for case in ("write", "journal", "object"):
        root = folder / case
        root.mkdir()
        if case == "write":
            write_sources(root, FIRST)
            root.chmod(0o555)
        else:
            build_world(root, FIRST)
            if case == "journal":
                write_sources(root, SECOND)
            _give_away(root)
            hidden = root / ".ltxbuild" / "journal"
            if case == "object":
                (root / "build" / "n4").unlink()
                space = Workspace(root, write=False)
                key = space.state.delivered["build/n4"]["key"]
                hidden = space.store.path(key)
            hidden.chmod(0)
            if os.getuid() == 0:
                os.chown(hidden, 0, 0)
        tell(case=case, ended=_as_nobody(root, SECOND if case == "journal" else FIRST))


def _give_away(root: Path) -> None:
    if os.getuid() == 0:
        for path in (root, *root.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def _as_nobody(root: Path, world: World) -> str:
    """`attempt` in a process that may not do everything."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.write(write, attempt(root, world).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    return os.read(read, 100).decode()


if __name__ == "__main__":
    {"full": full, "read_only": read_only, "command": command, "stranger": stranger}[sys.argv[1]](
        Path(sys.argv[2])
    )
