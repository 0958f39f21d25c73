"""Breaks clips and project files in thousands of ways and looks at what the product makes of them.

`python -m tools.fuzz --count 10000 --work DIR` goes on where it was stopped; `--only N` does one mutation again and
tells all about it; `--table` prints what was found so far. Seven of ten mutations are of clips.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.fuzz.bench import Bench, read_seeds, run
from tools.fuzz.outcome import BAD, VERDICTS


def table(lines: Iterable[dict[str, Any]]) -> str:
    """How many mutations of each seed came to which verdict, as Markdown."""
    rows: dict[str, Counter[str]] = {}
    for line in lines:
        rows.setdefault(line["seed"], Counter())[line["verdict"]] += 1
    total = sum(rows.values(), Counter())
    head = ["| seed | mutations | " + " | ".join(VERDICTS) + " |", "|---" * (len(VERDICTS) + 2) + "|"]
    cells = [(name, rows[name]) for name in sorted(rows)] + [("all", total)]
    body = [
        f"| {n} | {sum(c.values())} | " + " | ".join(str(c[v]) for v in VERDICTS) + " |" for n, c in cells
    ]
    return "\n".join(head + body)


def main() -> int:
    """Returns 1 if anything that was looked at is bad."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="folder for seeds, state and scratch"
    )
    parser.add_argument("--count", type=int, default=10_000, help="mutations 0 to COUNT - 1 (default: 10000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, action="append", metavar="N", help="this mutation again, in full")
    parser.add_argument("--table", action="store_true", help="print the table of what was found and end")
    args = parser.parse_args()
    state = args.work / "state.jsonl"
    lines = [json.loads(line) for line in state.read_text().splitlines()] if state.exists() else []
    known = {line["n"]: line for line in lines}
    if args.only:
        return _again(args.work, args.only)
    if not args.table:
        # What was bad is judged anew: it may have been mended.
        left = [n for n in range(args.count) if n not in known or known[n]["verdict"] in BAD]
        args.work.mkdir(parents=True, exist_ok=True)
        with state.open("a", buffering=1) as file:
            for line in run(args.work, left, args.jobs):
                known[line["n"]] = line
                file.write(json.dumps(line) + "\n")
                if line["verdict"] in BAD:
                    print(json.dumps(line), flush=True)
    print(table(known.values()))
    return int(any(line["verdict"] in BAD for line in known.values()))


def _again(work: Path, numbers: list[int]) -> int:
    """Judge a few, keep their bytes below DIR/only and print the worker's log."""
    bench = Bench(work / "only", read_seeds(work))
    bad = False
    for number in numbers:
        name, data, _ = bench.make(number)
        kept = work / "only" / f"{number}-{name}"
        kept.write_bytes(data)
        line = bench.judge(number)
        bad |= line["verdict"] in BAD
        print(json.dumps(line, indent=1), f"bytes: {kept}", sep="\n")
    bench.close()
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
