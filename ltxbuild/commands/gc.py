"""`ltxbuild gc`: take out of the store what no commit, no recent build and no kept one needs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltxbuild.engine.gc import Rest
    from ltxbuild.engine.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Dry run."""
    parser.add_argument("-n", dest="dry_run", action="store_true", help="only say what would go")


def run(args: argparse.Namespace) -> int:
    """Remove the rest, under the build lock; what is needed again later is made again."""
    from ltxbuild.commands.roots import roots_of
    from ltxbuild.commands.session import find_root
    from ltxbuild.engine.gc import find_rest, remove
    from ltxbuild.engine.workspace import Workspace

    root = find_root(args.folder)
    space = Workspace(root, write=not args.dry_run)
    try:
        roots = roots_of(space, root)
        rest = find_rest(space, roots)
        if not args.dry_run:
            remove(space, rest, roots)
    finally:
        space.close()
    print(f"{'would remove' if args.dry_run else 'removed'} {_words(rest)}; {size(rest.stays)} stay")
    return 0


def shrink(space: Workspace, root: Path, limit: int) -> str | None:
    """After a build: the oldest of the rest goes until the store fits `limit` bytes. What was done, in words."""
    from ltxbuild.commands.roots import roots_of
    from ltxbuild.engine.gc import oldest, remove, stored

    if sum(stored(space).values()) <= limit:
        return None
    rest = oldest(space, roots_of(space, root), limit)
    remove(space, rest)
    if rest.stays > limit:
        return (
            f"the store takes {size(rest.stays)}, over [cache] keep: commits, kept and recent builds need it"
        )
    return f"[cache] keep: removed {_words(rest)}, the oldest" if rest.objects else None


def _words(rest: Rest) -> str:
    return f"{len(rest.objects)} objects of {len(rest.records)} results, {size(rest.size)}"


def size(count: float) -> str:
    """Bytes as 3 MB."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
