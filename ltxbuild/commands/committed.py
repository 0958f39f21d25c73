"""The ltxbuild.lock of every commit that a ref of git reaches. Asks git, changes nothing, fetches nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ltxbuild.problem import fail
from ltxbuild.project.pins import LOCK

SECONDS = 60.0
# A repository's own configuration may name programs to run: none of them has a part in reading objects.
QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false")
LOG = (
    "log",
    "--all",
    "-m",
    "--raw",
    "--no-abbrev",
    "--no-renames",
    "--no-textconv",
    "--no-ext-diff",
    "--format=",
)


def committed_locks(root: Path) -> list[str]:
    """Their texts, and that of the file as it is; only the latter where the folder is in no repository.

    Raises ProjectError if the history is there and git cannot read it.
    """
    texts = [(root / LOCK).read_text("utf-8", "replace")] if (root / LOCK).is_file() else []
    if not any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents)):
        return texts
    git = shutil.which("git")
    if git is None:
        raise _refused("git is not installed")
    blobs = _blobs(_ask(git, root, [*LOG, "--", LOCK], b""))
    return texts + _contents(
        _ask(git, root, ["cat-file", "--batch"], "".join(f"{b}\n" for b in blobs).encode())
    )


def _blobs(raw: bytes) -> list[str]:
    """The contents that a file ever had, from lines such as `:100644 100644 before after M name`."""
    fields = [
        line.split()[2:4] for line in raw.decode("ascii", "replace").splitlines() if line.startswith(":")
    ]
    found = dict.fromkeys(blob for pair in fields for blob in pair)
    return [blob for blob in found if blob.strip("0")]


def _contents(batch: bytes) -> list[str]:
    """The texts in an answer of `git cat-file --batch`; objects that a partial clone lacks are left out."""
    texts = []
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        header = batch[at:end].split()
        at = end + 1
        if len(header) == 3:
            size = int(header[2])
            texts.append(batch[at : at + size].decode("utf-8", "replace"))
            at += size + 1
    return texts


def _ask(git: str, root: Path, arguments: list[str], stdin: bytes) -> bytes:
    call = [git, "--no-pager", "--no-optional-locks", *QUIET, *arguments]
    # Inside a hook these name the repository from where the hook runs, not from here.
    elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
    env = {name: value for name, value in os.environ.items() if name not in elsewhere}
    env |= {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            call, env=env, cwd=root, input=stdin, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise _refused(f"git took more than {SECONDS:g} s") from None
    if done.returncode != 0:
        raise _refused(
            done.stderr.decode("utf-8", "replace").strip().splitlines()[0] if done.stderr else "git failed"
        )
    return done.stdout


def _refused(why: str) -> Exception:
    what = f"the commits of this folder cannot be read, and what they deliver is kept: {why}"
    return fail("B140", what, "make `git log` work here, or move .git away", 1)
