"""Lint of a whole set by its size: the rules over all clips, without the looking at each one.

python benchmarks/lint.py                     # 40, 1,000 and 10,000 clips
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from tests.fake_job import FakeJob, json_file
from tests.lint.material import SCAN, code_hash

WORDS = 30
SETTINGS = {
    "orphans": [], "trigger": "mira_char", "class": "woman", "type": "character", "mode": "fast", "ranges": {},
    "train": {"rank": 8, "learning_rate": 1e-4, "steps": 600}, "select": ["ALL"], "ignore": [], "severity": {},
}  # fmt: skip


def material(folder: Path, count: int) -> FakeJob:
    """A good scan and a caption of its own for each clip."""
    dice = random.Random(0)
    known = (Path(__file__).parents[1] / "ltxbuild" / "lint" / "words.txt").read_text().split()
    none = json_file(folder / "none.json", [])
    clips, captions = {}, {}
    for number in range(count):
        key = f"clip_{number:05d}"
        scan = json_file(folder / f"{number}.json", {**SCAN, "hash": code_hash(number + 1)})
        clips[key] = {"findings": none, "scan": scan}
        captions[key] = " ".join(["mira_char", *dice.choices(known, k=WORDS)])
    return FakeJob(folder / "job", {**SETTINGS, "captions": captions}, {"clips": clips})


def measure(count: int) -> None:
    """Print one row of the table; in a process of its own, for the peak memory."""
    from resource import RUSAGE_SELF, getrusage

    from ltxbuild.stages import lint

    with tempfile.TemporaryDirectory() as folder:
        job = material(Path(folder), count)
        started = time.perf_counter()
        lint.run(job)
        seconds = time.perf_counter() - started
    print(f"| {count:,} | {seconds:.2f} | {getrusage(RUSAGE_SELF).ru_maxrss // 1024} |", flush=True)


def main() -> None:
    """Measure each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", nargs="*", type=int, default=[40, 1_000, 10_000])
    args = parser.parse_args()
    if len(args.clips) == 1:
        measure(args.clips[0])
        return
    print("| clips | s | peak MiB |\n|---:|---:|---:|", flush=True)
    for count in args.clips:
        subprocess.run([sys.executable, __file__, "--clips", str(count)], check=True)


if __name__ == "__main__":
    main()
