"""`ltxbuild keep N`: protect what a build made from gc."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The build's number."""
    parser.add_argument(
        "build", type=int, metavar="N", help="number of the build, as `ltxbuild builds` shows it"
    )
    parser.add_argument("--drop", action="store_true", help="protect it no longer")


def run(args: argparse.Namespace) -> int:
    """Mark the build, or take the mark away."""
    from ltxbuild.commands.builds import find_build
    from ltxbuild.commands.session import find_root
    from ltxbuild.engine.workspace import Workspace

    space = Workspace(find_root(args.folder), write=True)
    try:
        build = find_build(space.state.builds, args.build)
        space.state.add_build({**build, "kept": not args.drop})
    finally:
        space.close()
    print(f"build {args.build} is {'kept no longer' if args.drop else 'kept'}")
    return 0
