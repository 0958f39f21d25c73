"""Which builds stay in the store: the last ones, kept ones and what committed locks deliver. Removes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ltxbuild.commands.committed import committed_locks
from ltxbuild.engine.gc import Roots, find_roots
from ltxbuild.engine.workspace import Workspace
from ltxbuild.recipe.lockfile import inputs_digest, outputs_of

LAST = 10


def rooted(builds: Sequence[Mapping[str, Any]], locks: Iterable[str]) -> set[int]:
    """The last builds, the last with a LoRA (a watch saves often), kept ones, and those of a lock.

    A build belongs to a lock if it made the very file, or made it from the same: another machine's bytes may differ.
    """
    texts = list(locks)
    files = {digest for text in texts for digest in outputs_of(text).values()}
    inputs = {inputs_digest(text) for text in texts}
    of_lock = [b for b in builds if b["lora"] in files or b.get("lock") in inputs]
    kept = [b for b in builds if b.get("kept")]
    delivered = [b for b in builds if b["lora"]]
    return {b["n"] for b in (*builds[-LAST:], *delivered[-LAST:], *kept, *of_lock)}


def roots_of(space: Workspace, root: Path) -> Roots:
    """What stays in a project's store. Raises ProjectError if its history cannot be read."""
    locks = committed_locks(root)
    files = {digest for text in locks for digest in outputs_of(text).values()}
    return find_roots(space, rooted(space.state.builds, locks), files)
