"""`ltxbuild builds`: what was built when, with its verdict."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Output format."""
    parser.add_argument("--json", action="store_true", help="one line of JSON for each build")


def run(args: argparse.Namespace) -> int:
    """Print the history, newest last."""
    from ltxbuild.commands.session import find_root
    from ltxbuild.engine.workspace import Workspace

    space = Workspace(find_root(args.folder), write=False)
    for build in space.state.builds:
        if args.json:
            print(json.dumps({"v": 1, **build}))
            continue
        end = (
            "interrupted"
            if build["interrupted"]
            else f"failed {len(build['failed'])}"
            if build["failed"]
            else "done"
        )
        lora = (build["lora"] or "no LoRA")[:12]
        variant = f" {build['variant']}" if build["variant"] else ""
        print(
            f"{build['n']:>4}  {build['when']}{variant}  ran {build['ran']}, reused {build['reused']}, "
            f"{build['seconds']:g} s  {end}  {build['verdict'] or 'not evaluated'}  {lora}"
        )
    if not space.state.builds:
        print("nothing was built yet")
    return 0
