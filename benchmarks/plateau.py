"""Does training stop when it has learnt? The demo and harmed forms of it, trained far past their plateau.

Each run is trained to its end, with nothing that stops it; then its held-out curve is given to the detector one
evaluation after the other, as a build would, and what it says is compared with what the whole curve shows.

    python benchmarks/plateau.py --keep curves.json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from benchmarks.demo_lora import CONTROLS, build, made
from ltxbuild.stages.curve import (
    EARLIEST_SHARE,
    GAIN_OF_DROP,
    HORIZON,
    Choice,
    choose,
    drop_of,
    smoothed,
    stops,
)

Curve = list[tuple[int, float]]


class Row(NamedTuple):
    """What the detector did on one curve; steps, and shares of the curve's whole drop."""

    truth: int
    stop: int
    choice: Choice
    late: float
    regret: float
    drop: float


def measured(name: str, steps: int, interval: int, seed: int) -> Curve:
    """Train one form of the demo to the end at a constant rate: its curve."""
    with tempfile.TemporaryDirectory(prefix="ltxbuild-benchmark-") as place:
        folder = Path(place) / "demo"
        settings = (
            f"train.steps={steps}",
            f"train.interval={interval}",
            "train.decay=0",
            f"train.seed={seed}",
        )
        build(folder, CONTROLS[name], "train", *settings)
        return [(step, y) for step, y in made(folder, "choose:fast", "choice.json")["curve"]]


def true_plateau(steps: Sequence[int], ys: Sequence[float]) -> int:
    """The first step from which the way to the later best gains less than 3 % of the drop in 250 steps."""
    smooth, least = smoothed(ys), GAIN_OF_DROP * drop_of(ys)
    for i, step in enumerate(steps):
        later = smooth[i:]
        best = later.index(min(later))
        if best == 0 or (later[0] - later[best]) * HORIZON / (steps[i + best] - step) < least:
            return step
    return steps[-1]


def judged(curve: Curve, planned: int) -> Row:
    """Give the curve to the detector up to each evaluation in turn, for a run of `planned` steps."""
    steps, ys = [step for step, _ in curve], [y for _, y in curve]
    start = round(EARLIEST_SHARE * planned)
    ends = (i for i in range(len(steps)) if stops(steps[: i + 1], ys[: i + 1], start))
    last = next(ends, len(steps) - 1)
    found = stops(steps[: last + 1], ys[: last + 1], start)
    choice = choose(steps[: last + 1], ys[: last + 1], "quality", planned, found[0] if found else None)
    smooth, drop = smoothed(ys), drop_of(ys)
    regret = (smooth[steps.index(choice.step)] - min(smooth)) / drop if drop > 0 else float("nan")
    truth, interval = true_plateau(steps, ys), steps[1] - steps[0]
    late = (steps[last] - truth) / interval
    return Row(truth, steps[last], choice, late, regret, drop)


def main() -> None:
    """Train, judge, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", default=list(CONTROLS), help="forms of the demo (default: all)")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--interval", type=int, default=100)
    parser.add_argument(
        "--planned", type=int, default=1000, help="steps of the run whose 60 %% must have passed"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=Path, help="curves are read from this file where it has them, and kept in it"
    )
    args = parser.parse_args()
    kept = json.loads(args.keep.read_text()) if args.keep and args.keep.exists() else {}
    print(
        "| | drop | plateau | stopped | evaluations late | verdict | chosen | regret |\n" + "|---" * 8 + "|"
    )
    for name in args.names:
        key = f"{name}, seed {args.seed}"
        if key not in kept:
            kept[key] = measured(name, args.steps, args.interval, args.seed)
        if args.keep:
            args.keep.write_text(json.dumps(kept, indent=1) + "\n")
        if not kept[key]:
            print(f"| {key} | no clip is held out: the whole run, and its last checkpoint |", flush=True)
            continue
        row = judged([(int(step), float(y)) for step, y in kept[key]], args.planned)
        regret = "never below the base" if row.drop <= 0 else f"{100 * row.regret:.1f} %"
        print(
            f"| {key} | {row.drop:.3f} | {row.truth} | {row.stop} | {row.late:.0f} | {row.choice.verdict} "
            f"| {row.choice.step} | {regret} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
