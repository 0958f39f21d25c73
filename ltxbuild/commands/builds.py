"""`ltxbuild builds`: what was built when, with its verdict."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ltxbuild.problem import fail


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Output format."""
    parser.add_argument("--json", action="store_true", help="one line of JSON for each build")


def run(args: argparse.Namespace) -> int:
    """Print the history, newest last."""
    from ltxbuild.commands.session import find_root
    from ltxbuild.engine.workspace import Workspace

    space = Workspace(find_root(args.folder), write=False)
    for build in space.state.builds:
        print(json.dumps({"v": 1, **build}) if args.json else _line(build))
    if not space.state.builds and not args.json:
        print("nothing was built yet")
    return 0


def _line(build: Mapping[str, Any]) -> str:
    lora = (build["lora"] or "no LoRA")[:12]
    variant = f" {build['variant']}" if build["variant"] else ""
    return (
        f"{build['n']:>4}  {build['when']}{variant}  ran {build['ran']}, reused {build['reused']}, "
        f"{build['seconds']:g} s  {_end(build)}  {build['verdict'] or 'not evaluated'}  {lora}"
        f"{'  past the gate' if build['past_gate'] else ''}{'  kept' if build.get('kept') else ''}"
    )


def _end(build: Mapping[str, Any]) -> str:
    if build["interrupted"]:
        return "interrupted"
    return f"failed {len(build['failed'])}" if build["failed"] else "done"


def find_build(builds: Sequence[Mapping[str, Any]], number: int) -> Mapping[str, Any]:
    """The build of that number. Raises ProjectError."""
    if not 0 < number <= len(builds):
        known = f"builds 1 to {len(builds)} are known" if builds else "nothing was built here yet"
        raise fail("B141", f"there is no build {number}: {known}", "`ltxbuild builds` lists them")
    return builds[number - 1]
