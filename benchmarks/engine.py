"""Nothing to do, one input changed and a cold build: ltxbuild's engine beside make, ninja, doit, DVC and Snakemake.

    python -m venv benchmarks/.venv && benchmarks/.venv/bin/pip install -r benchmarks/peers.txt
    python benchmarks/engine.py [--clips 40 1000 10000] [--only make ninja] [--no-product]

Prints Markdown. Every tool gets the same files, the same program for each action (`cp`) and two jobs at a time; every
figure is the median of several runs with warm caches, a cold build is run once. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from benchmarks import peers
from benchmarks.measure import Cost, Failed, TooSlow, run, typical

LIMIT = 120.0  # seconds; a tool that needs longer is said to
RECORD_LIMIT = 600.0  # what is not measured may take longer
ENOUGH = 60.0  # seconds of repetitions
FLOOR = (sys.executable, "-I", "-c", "import argparse, json, os, sys")
TAKES = "what it takes"
MEASURES = ("nothing to do", "one input changed", "cold build")


@dataclass
class Row:
    """What one tool took; a text instead of a figure says why there is none."""

    tool: str
    costs: dict[str, Cost | str] = field(default_factory=dict)

    @property
    def memory(self) -> float:
        """The most that any run took, in MiB."""
        return max((c.memory for c in self.costs.values() if isinstance(c, Cost)), default=0.0)


def main() -> int:
    """Measure and print."""
    args = _arguments().parse_args()
    print(f"Floor, `python -I -c 'import argparse, json, os, sys'`: {_cell(_floor(args.runs))}\n")
    gone = [name for name in peers.missing(args.venv) if not args.only or name in args.only]
    if gone:
        print(f"Missing on this machine: {', '.join(gone)}\n")
    slow: set[str] = set()
    for clips in args.clips:
        print(table(f"{clips:,} clips, {3 * clips:,} actions", engines(clips, args, slow)), flush=True)
    if not args.no_product:
        for clips in args.clips:
            title = f"The command on a folder of {clips:,} clips"
            print(table(title, products(clips, args.runs), (TAKES,)), flush=True)
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=int, nargs="*", default=[40, 1000, 10000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[], help="these peers alone")
    parser.add_argument("--no-product", action="store_true", help="leave the product's own command out")
    parser.add_argument("--venv", type=Path, default=Path(__file__).with_name(".venv"))
    return parser


def _floor(runs: int) -> Cost:
    with _folder() as folder:
        return typical([run(FLOOR, folder, LIMIT) for _ in range(max(runs, 9))])


def engines(clips: int, args: argparse.Namespace, slow: set[str]) -> Iterator[Row]:
    """A row for each tool; `slow` holds those that a smaller project already took too long for."""
    for tool in peers.tools(args.venv):
        if args.only and tool.name not in (peers.OURS, peers.FULL, *args.only):
            continue
        if tool.name in slow:
            yield Row(tool.name, dict.fromkeys(MEASURES, "too slow at a smaller size"))
            continue
        row = engine(tool, clips, args.runs)
        if not isinstance(row.costs.get("nothing to do"), Cost):
            slow.add(tool.name)
        yield row


def engine(tool: peers.Tool, clips: int, runs: int) -> Row:
    """All measures of one tool."""
    row = Row(tool.name)
    with _folder() as folder:
        names = [f"{index:05d}" for index in range(clips)]
        (folder / "src").mkdir()
        (folder / "out").mkdir()
        for name in names:
            (folder / peers.source(name)).write_text(name)
        tool.write(folder, names)
        if tool.prepare:
            run(tool.prepare, folder, LIMIT, tool.environment)

        def once() -> Cost:
            return run(tool.command, folder, LIMIT, tool.environment)

        def changed(version: int) -> Cost:
            (folder / peers.source(names[clips // 2])).write_text(f"version {version}")
            return once()

        row.costs["cold build"] = _tried(once) if tool.cold else "as above"
        if isinstance(row.costs["cold build"], Cost) or _recorded(tool, folder, names):
            _tried(once)  # the first look after a build may still write something down
            row.costs["nothing to do"] = _repeated(lambda _: once(), runs)
            row.costs["one input changed"] = _repeated(changed, runs)
        _check(folder, names, tool, row)
    return row


def _recorded(tool: peers.Tool, folder: Path, names: list[str]) -> bool:
    """Put the outputs there that the tool was too slow for, and have it take them for its own; False if it does not."""
    if not tool.record:
        return False
    for name in names:
        for _, given, out in peers.chain(name):
            shutil.copyfile(folder / given, folder / out)
    return isinstance(_tried(lambda: run(tool.record, folder, RECORD_LIMIT, tool.environment)), Cost)


def _check(folder: Path, names: list[str], tool: peers.Tool, row: Row) -> None:
    """The peers' last outputs must hold what the sources hold; ltxbuild keeps them in its store."""
    if isinstance(row.costs.get("one input changed"), Cost) and tool.write is not peers.write_nothing:
        for name in names:
            last = folder / peers.chain(name)[-1][2]
            assert last.read_text() == (folder / peers.source(name)).read_text(), (tool.name, name)


def products(clips: int, runs: int) -> Iterator[Row]:
    """The product's own command; see product.py for how its folder came to be up to date."""
    from benchmarks import product

    with _folder() as place:
        folder = place / "mira"
        environment = {name: str(place / name) for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
        # A folder for settings that is not there would be looked for in the one that everything is written into.
        (place / "XDG_CONFIG_HOME" / "ltxbuild").mkdir(parents=True)
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        product.prepare(folder, clips, environment)
        for verb in ("", "status"):
            command = [sys.executable, "-m", "ltxbuild", *verb.split()]
            costs = [run(command, folder, LIMIT, environment) for _ in range(runs)]
            yield Row(f"`ltxbuild {verb}`" if verb else "`ltxbuild`", {TAKES: typical(costs)})
        spans = [product.time_until_text(folder, version, environment) for version in range(runs)]
        yield Row(
            "one caption edited, until its features are computed",
            {TAKES: typical([Cost(*s, 0) for s in spans])},
        )


def _tried(measure: Callable[[], Cost]) -> Cost | str:
    try:
        return measure()
    except TooSlow:
        return f"over {LIMIT:.0f} s"
    except Failed as error:
        print(error, file=sys.stderr)
        return "failed"


def _repeated(measure: Callable[[int], Cost], runs: int) -> Cost | str:
    costs: list[Cost] = []
    for index in range(runs):
        found = _tried(partial(measure, index))
        if isinstance(found, str):
            return found
        costs.append(found)
        if sum(cost.wall for cost in costs) > ENOUGH:
            break
    return typical(costs)


@contextmanager
def _folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="ltxbuild-benchmark-"))
    folder = place / "project"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(place)


def table(title: str, rows: Iterable[Row], measures: tuple[str, ...] = MEASURES) -> str:
    """Rows as Markdown; in brackets how many times the CPU time of the first row that is."""
    found = list(rows)
    lines = [f"### {title}\n", "| | " + " | ".join(measures) + " | peak memory |"]
    lines.append("|---" * (len(measures) + 2) + "|")
    for row in found:
        cells = [
            _cell(row.costs.get(m, "not reached"), found[0].costs.get(m, "") if row is not found[0] else "")
            for m in measures
        ]
        lines.append(f"| {row.tool} | " + " | ".join(cells) + f" | {_memory(row)} |")
    return "\n".join(lines) + "\n"


def _memory(row: Row) -> str:
    if not any(isinstance(cost, Cost) for cost in row.costs.values()):
        return ""
    return f"{row.memory:.0f} MiB" if row.memory else "less than the benchmark's"


def _ratio(times: float) -> str:
    return f"{times:.0f}" if times >= 100 else f"{times:.2g}"


def _cell(cost: Cost | str, first: Cost | str = "") -> str:
    if isinstance(cost, str):
        return cost
    ratio = f" ({_ratio(cost.cpu / first.cpu)}x)" if isinstance(first, Cost) and first.cpu else ""
    return f"{cost.cpu:.3f} s CPU, {cost.wall:.3f} s{ratio}"


if __name__ == "__main__":
    raise SystemExit(main())
