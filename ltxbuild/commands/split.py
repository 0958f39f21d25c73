"""`ltxbuild split FILE ...`: long footage into clips of one shot each. Shows first what it would cut."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ltxbuild.problem import ProjectError, fail

if TYPE_CHECKING:
    from ltxbuild.dataset.pieces import Piece
    from ltxbuild.job import Json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The footage and how long a clip may be."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="footage: mp4, mov, mkv, webm, avi")
    parser.add_argument(
        "--least", type=float, metavar="SECONDS", help="shorter shots are left out (default: the base's)"
    )
    parser.add_argument(
        "--most", type=float, metavar="SECONDS", help="longer shots are cut up (default: the base's)"
    )
    parser.add_argument("--yes", action="store_true", help="cut without asking")
    parser.add_argument("--json", action="store_true", help="one piece a line on stdout")


def run(args: argparse.Namespace) -> int:
    """Exit 0 if clips were cut or shown, 1 if a file cannot be read."""
    from ltxbuild.commands.session import find_root
    from ltxbuild.lint.facts import Ranges
    from ltxbuild.project.project import load

    root = find_root(args.folder)
    low, high = Ranges(load(root).base.card.lint_ranges).pair("duration")
    least, most = args.least or low, args.most or high
    if not 0 < least <= most:
        raise fail("D110", f"clips of {least:g} to {most:g} s cannot be cut", "--least is at most --most")
    code = 0
    for name in args.files:
        try:
            _split(args, root, Path(name), least, most)
        except ProjectError as error:
            from ltxbuild.problem import render

            print("\n".join(map(render, error.problems)), file=sys.stderr)
            code = 1
    return code


def _split(args: argparse.Namespace, root: Path, source: Path, least: float, most: float) -> None:
    from ltxbuild.commands.aside import Aside, AsideError
    from ltxbuild.dataset.pieces import clip_name, pieces

    if not source.is_file():
        raise fail("D111", f"there is no file {source}", "name the footage")
    try:
        with Aside(root) as aside:
            probe = aside.probe(source)
            shots = json.loads((aside.decode("aside.shots", source, probe, {}) / "shots.json").read_bytes())
            found = pieces(shots, least, most)
            chosen = {clip_name(source.stem, piece): piece for piece in found if not piece.why}
            _show(source, found, args.json)
            if not chosen:
                print(f"{source.name}: nothing to cut", file=sys.stderr)
            elif args.yes or _agreed(len(chosen)):
                _refuse_taken(root, chosen)
                spans: list[Json] = [[piece.start, piece.end] for piece in chosen.values()]
                _place(root, source, chosen, aside.decode("aside.cut", source, probe, {"pieces": spans}))
            else:
                print(f"nothing was cut: --yes cuts {len(chosen)} clips into clips/", file=sys.stderr)
    except AsideError as error:
        raise fail("D113", f"{source.name}: {error}", "convert the file, or name another", 1) from None


def _show(source: Path, found: list[Piece], as_json: bool) -> None:
    from ltxbuild.console.json_lines import emit
    from ltxbuild.dataset.pieces import clip_name

    for piece in found:
        name = "" if piece.why else f"{clip_name(source.stem, piece)}.mp4"
        if as_json:
            span = {"start": piece.start, "end": piece.end}
            emit("piece", **span, clip=name, left_out=piece.why)
        else:
            told = name or f"left out: {piece.why}"
            print(f"{piece.start:9.2f} {piece.end:9.2f} {piece.seconds:7.2f} s  {told}")
    sys.stdout.flush()


def _agreed(count: int) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"cut {count} clips into clips/? [y/N] ", end="", file=sys.stderr, flush=True)
    return input().strip().lower() in ("y", "yes")


def _refuse_taken(root: Path, chosen: Mapping[str, Piece]) -> None:
    taken = [name for name in chosen if (root / "clips" / f"{name}.mp4").exists()]
    if taken:
        also = f" and {len(taken) - 1} more exist" if len(taken) > 1 else " exists"
        what = f"clips/{taken[0]}.mp4{also}: nothing was cut"
        raise fail("D112", what, "move them away, or rename the footage")


def _place(root: Path, source: Path, chosen: Mapping[str, Piece], made: Path) -> None:
    """Into clips/, and a sheet of them into build/."""
    from ltxbuild.commands.sheets import write_sheet
    from ltxbuild.dataset.pieces import plain_stem
    from ltxbuild.engine.files import copy
    from ltxbuild.page.sheet import Card, render_sheet

    cards, pictures = [], {}
    for number, (name, piece) in enumerate(chosen.items()):
        copy(made / f"{number:03d}.mp4", root / "clips" / f"{name}.mp4", durable=True)
        pictures[name] = (made / f"{number:03d}.jpg").read_bytes()
        cards.append(Card(name, [f"{piece.start:.2f} to {piece.end:.2f} s of {source.name}"], name))
    page = render_sheet(f"Clips of {source.name}", "what was cut, in order", cards, pictures)
    sheet = write_sheet(root / "build" / f"split-{plain_stem(source.stem)}.html", page)
    what = f"look at {sheet.relative_to(root)}, then write their captions"
    print(f"cut {len(chosen)} clips into clips/; {what}", file=sys.stderr)
