"""`ltxbuild fetch`: the base's files, before a build needs them: what, how large, on which terms, and then fetched."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltxbuild.commands.identity import BaseIdentity
    from ltxbuild.model.hub import Repository

EPILOG = """A fetch that was cut off goes on where it was. HF_HOME says where the Hub's cache is; what other programs keep
there is used as it is. A single file such as ComfyUI's ltx-2.3-22b-dev.safetensors needs no fetching: name it as base."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to ask."""
    parser.epilog = EPILOG
    parser.add_argument("--yes", action="store_true", help="do not ask: sizes and licences are accepted")


def run(args: argparse.Namespace) -> int:
    """Say what is missing and fetch it; print where the base is."""
    from ltxbuild.commands.identity import BaseIdentity
    from ltxbuild.commands.session import Choice, find_root, read_project

    project = read_project(Choice(find_root(args.folder)))
    identity = BaseIdentity(project)
    if not identity.here:
        source = identity.source
        if source is not None and not _agreed(source, args.yes):
            return 1
        identity.locate()
    print(_place(identity, project.base.file))
    return 0


def _agreed(source: Repository, yes: bool) -> bool:
    """Tell size and terms; True if they are accepted."""
    from ltxbuild.model.hub import missing
    from ltxbuild.problem import fail

    files = missing(source)
    _say(f"{source.name}: {len(files)} files, {_size(sum(files.values()))} to fetch")
    _say(f"licence: {source.licence}")
    for part in source.gated:
        _say(f"also: {part.get('part', '')} of {part['repository']}, {part.get('licence', '')}")
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise fail("B206", "nobody can be asked whether to fetch this", "say it with --yes")
    print("fetch it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _place(identity: BaseIdentity, file: Path | None) -> Path:
    return identity.locate() if file is None else file


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def _say(text: str) -> None:
    print(text, file=sys.stderr)
