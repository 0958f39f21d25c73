"""`ltxbuild restore N`: what build N delivered, back into build/; sources and lock stay as they are.

The next build puts the result of the sources there again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltxbuild.engine.deliver import Rendered
    from ltxbuild.engine.manifest import Manifest
    from ltxbuild.engine.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The build's number."""
    parser.add_argument(
        "build", type=int, metavar="N", help="number of the build, as `ltxbuild builds` shows it"
    )


def run(args: argparse.Namespace) -> int:
    """Deliver from the store what the build's manifest names."""
    from ltxbuild.commands.builds import find_build
    from ltxbuild.commands.session import find_root
    from ltxbuild.engine import manifest
    from ltxbuild.engine.workspace import Workspace

    root = find_root(args.folder)
    space = Workspace(root, write=True)
    try:
        build = find_build(space.state.builds, args.build)
        held = manifest.read(space.folder, args.build) or manifest.Manifest()
        main = _restore(space, held, root / "build" / build["variant"], args.build)
    finally:
        space.close()
    print(
        f"build {args.build} of {build['when']}, {build['verdict'] or 'not evaluated'} -> {main.relative_to(root)}"
    )
    return 0


def _restore(space: Workspace, held: Manifest, folder: Path, number: int) -> Path:
    """Copy what is in the store; the LoRA has to be. Returns its path. Raises ProjectError."""
    from ltxbuild.engine.deliver import Delivery
    from ltxbuild.problem import fail

    there = {path: digest for path, digest in held.files.items() if space.store.intact(digest)}
    main = next((path for path in there if path.endswith(".safetensors")), None)
    if main is None:
        what = f"the LoRA of build {number} is not in the store"
        hint = (
            "if its sources are committed, `git checkout` them and build: what is still there is not redone"
        )
        raise fail("B142", what, hint, 1)
    delivery = Delivery.into(space, folder, _say)
    for path, digest in there.items():
        delivery.copy(path, digest)
    if "report.json" in there:
        delivery.render(_page(space, held, there["report.json"], folder))
    delivery.finish()
    for path in held.files.keys() - there.keys():
        _say(f"{path} is no longer in the store")
    return folder / main


def _page(space: Workspace, held: Manifest, report: str, folder: Path) -> Rendered:
    from ltxbuild import __version__
    from ltxbuild.engine import digest, files
    from ltxbuild.engine.deliver import Rendered
    from ltxbuild.page.report import render

    def draw() -> bytes:
        page = render(json.loads(space.store.path(report).read_bytes()), _media(space, held.shown), [], [])
        for name, data in page.files.items():
            files.write_atomic(folder / name, data)
        return page.html

    return Rendered("report.html", digest.of_json([__version__, "restored", report, dict(held.shown)]), draw)


def _media(space: Workspace, shown: Mapping[str, str]) -> dict[str, bytes]:
    from ltxbuild.commands.delivery import OF_LINT

    pictures = {name: digest for name, digest in shown.items() if not name.startswith(OF_LINT)}
    return {
        name: space.store.path(digest).read_bytes()
        for name, digest in pictures.items()
        if space.store.intact(digest)
    }


def _say(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
