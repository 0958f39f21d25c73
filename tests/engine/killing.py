"""Kills a real process at every file operation of a build, in turn: `python -m tests.engine.killing FOLDER [LIMIT]`.

A fork of this process builds, changes the world, builds again, and sends itself SIGKILL before its n-th operation. Then
this process builds in the same folder and holds it against the oracle. One line of JSON for each point.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ltxbuild.engine import files
from ltxbuild.engine.workspace import Workspace
from tests.engine.claims import Facts, check
from tests.engine.harness import Call, build_world, clock_ahead, delivered
from tests.engine.world import Node, World

NODES = {
    "n0": Node("n0", ("a",)),
    "n1": Node("n1", ("a", "b"), ("n0",), keep=3),
    "n2": Node("n2", ("c",), ("n1",), bag=("n0", "n1"), external="weights"),
    "n3": Node("n3", (), ("n2",), side=True, delivered=False),
    "n4": Node("n4", ("b",), ("n3", "n2")),
}
FIRST = World(NODES, {"a": "x", "b": "y", "c": "z"})
# What it becomes: an edit, another parameter, a deliverable that goes and one that comes.
SECOND = FIRST.edit("c", "w").change("n4", param=1).change("n0", delivered=False).change("n3", delivered=True)


def life(root: Path) -> None:
    """What the process does that is going to be killed."""
    # With a clock that lets no stat be trusted there are equally many operations however long they take.
    with clock_ahead(-10_000):
        build_world(root, FIRST)
        # A user changes a deliverable in between: it has to survive whatever comes.
        (root / "build" / "n2").write_bytes(b"mine")
        build_world(root, SECOND)


def points(root: Path) -> list[str]:
    """All file operations of a life, in their order."""
    seen: list[str] = []
    files.hook = lambda operation, path: seen.append(f"{operation} {Path(path).name}")
    life(root)
    files.hook = None
    return seen


def kill_at(number: int) -> Callable[[str, str], None]:
    """A hook that ends the process before its n-th operation."""
    left = number

    def hook(operation: str, path: str) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    return hook


def try_point(root: Path, number: int) -> int:
    """Kill a life at one point and build again; the signal that ended it."""
    root.mkdir()
    child = os.fork()
    if child == 0:
        files.hook = kill_at(number)
        life(root)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    spoiled = any(data == b"mine" for data in delivered(root).values())
    for world in (SECOND, SECOND, FIRST):
        before = Facts.of(root)
        built = build_world(root, world)
        check(root, world, Call(), before, built)
        assert built.outcome.records.keys() == NODES.keys()
    assert not spoiled or b"mine" in delivered(root).values(), "the user's own file is gone"
    _no_leavings(root)
    return os.WTERMSIG(status)


def _no_leavings(root: Path) -> None:
    space = Workspace(root, write=True)
    space.close()
    left = list((root / ".ltxbuild").glob("tmp/*")) + list(root.rglob(f"{files.TEMPORARY}*"))
    assert not left, left


def main(folder: Path, limit: int) -> None:
    """Every point, or `limit` of them evenly spread."""
    (folder / "whole").mkdir()
    found = points(folder / "whole")
    chosen = range(len(found))
    if len(found) > limit:
        chosen = sorted({round(i * (len(found) - 1) / (limit - 1)) for i in range(limit)})
    for number in chosen:
        ended_by = try_point(folder / f"at{number}", number)
        print(json.dumps({"point": found[number], "number": number, "signal": ended_by}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
