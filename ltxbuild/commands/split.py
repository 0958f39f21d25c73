"""`ltxbuild split FILE ...`: long footage into clips of one shot each. Shows first what it would cut."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ltxbuild.problem import ProjectError, fail

if TYPE_CHECKING:
    from ltxbuild.dataset.pieces import Piece

MEDIA_SECONDS = 4 * 3600.0  # at most; a file that hangs is ended


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
    from ltxbuild.dataset.pieces import pieces

    if not source.is_file():
        raise fail("D111", f"there is no file {source}", "name the footage")
    with TemporaryDirectory(prefix="ltxbuild-") as folder:
        work = _Work(source, Path(folder))
        found = pieces(work.shots(), least, most)
        chosen = [piece for piece in found if not piece.why]
        _show(source, found, args.json)
        if not chosen:
            print(f"{source.name}: nothing to cut", file=sys.stderr)
        elif args.yes or _agreed(len(chosen)):
            _place(root, source, chosen, work.cut(chosen))
        else:
            print(f"nothing was cut: --yes cuts {len(chosen)} clips into clips/", file=sys.stderr)


def _show(source: Path, found: list[Piece], as_json: bool) -> None:
    from ltxbuild.dataset.pieces import clip_name

    for piece in found:
        name = "" if piece.why else f"{clip_name(source.stem, piece)}.mp4"
        if as_json:
            row = {
                "v": 1,
                "event": "piece",
                "start": piece.start,
                "end": piece.end,
                "clip": name,
                "left_out": piece.why,
            }
            print(json.dumps(row, ensure_ascii=False))
        else:
            told = name or f"left out: {piece.why}"
            print(f"{piece.start:9.2f} {piece.end:9.2f} {piece.seconds:7.2f} s  {told}")
    sys.stdout.flush()


def _agreed(count: int) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"cut {count} clips into clips/? [y/N] ", end="", file=sys.stderr, flush=True)
    return input().strip().lower() in ("y", "yes")


def _place(root: Path, source: Path, chosen: list[Piece], made: Path) -> None:
    """Into clips/, none over another, and a sheet of them into build/."""
    from ltxbuild.dataset.pieces import clip_name
    from ltxbuild.engine.files import copy, write_atomic
    from ltxbuild.page.lint import render_lint

    names = [clip_name(source.stem, piece) for piece in chosen]
    taken = [name for name in names if (root / "clips" / f"{name}.mp4").exists()]
    if taken:
        what = (
            f"clips/{taken[0]}.mp4 and {len(taken) - 1} more exist"
            if len(taken) > 1
            else f"clips/{taken[0]}.mp4 exists"
        )
        raise fail("D112", f"{what}: nothing was cut", "move them away, or rename the footage")
    for number, name in enumerate(names):
        copy(made / f"{number:03d}.mp4", root / "clips" / f"{name}.mp4", durable=True)
    strips = {f"strip:{name}": (made / f"{number:03d}.jpg").read_bytes() for number, name in enumerate(names)}
    told = {n: f"{p.start:.2f} to {p.end:.2f} s of {source.name}" for n, p in zip(names, chosen, strict=True)}
    page = render_lint([], told, strips, source.stem)
    sheet = root / "build" / f"split-{clip_name(source.stem, chosen[0]).rsplit('_', 2)[0]}.html"
    write_atomic(sheet, page.html, durable=False)
    print(
        f"cut {len(names)} clips into clips/; look at {sheet.relative_to(root)}, then write their captions",
        file=sys.stderr,
    )


class _Work:
    """The stages that read the footage, each in a worker that can be ended and may not allocate without end."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source, self.folder = source.resolve(), folder

    def shots(self) -> Any:
        """What shots.json says."""
        return json.loads(
            (self._run("shots", {}, {"clip": self._file(self.source)}) / "shots.json").read_bytes()
        )

    def cut(self, chosen: list[Piece]) -> Path:
        """The folder with the pieces."""
        inputs = {"clip": self._file(self.source)}
        probe = self._run("probe", {}, inputs) / "probe.json"
        spans = [[piece.start, piece.end] for piece in chosen]
        return self._run("cut", {"pieces": spans}, {**inputs, "probe": self._file(probe)})

    def _file(self, path: Path) -> dict[str, str]:
        return {"file": str(path), "digest": "0" * 32}

    def _run(self, stage: str, params: dict[str, Any], inputs: dict[str, Any]) -> Path:
        from ltxbuild.engine.task import Task
        from ltxbuild.executors.local import LocalExecutor

        out = self.folder / stage
        out.mkdir()
        task = Task(
            action=stage,
            fingerprint="",
            stage=stage,
            worker="media",
            params=params,
            context={},
            inputs={"group": inputs},
            out=out,
            partial=self.folder / "partial",
            log=self.folder / "log",
            timeout=MEDIA_SECONDS,
        )

        async def work() -> Any:
            executor = LocalExecutor(1)
            try:
                return await executor.run(task, lambda *_: None)
            finally:
                await executor.close()

        result = asyncio.run(work())
        if result.kind != "done":
            raise fail(
                "D113", f"{self.source.name}: {result.message}", "convert the file, or name another", 1
            )
        return out
