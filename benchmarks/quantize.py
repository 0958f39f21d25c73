"""What a quantized base costs a LoRA: the demo trained on the same clips with each format, by its held-out loss.

python benchmarks/quantize.py
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from benchmarks.demo_lora import CONTROLS, build, made
from ltxbuild.model.base import open_base
from ltxbuild.project.card import BASES

FORMS = ("none", "int8", "fp8", "nf4")


def size(form: str) -> int:
    """Bytes of the transformer's weights in memory."""
    model = open_base(BASES / "tiny", "cpu", "bf16", "" if form == "none" else form).transformer()
    return sum(t.nbytes for t in (*model.parameters(), *model.buffers()))


def measured(form: str, steps: int) -> tuple[float, float]:
    """The mean of log(held-out loss) at the end, and the seconds of the build."""
    with tempfile.TemporaryDirectory(prefix="ltxbuild-benchmark-") as place:
        folder, started = Path(place) / "demo", time.monotonic()
        settings = (f"train.steps={steps}", "memory.precision=bf16", f"memory.quantize={form}")
        build(folder, CONTROLS["demo"], "train", *settings)
        items = made(folder, f"loss:fast:{steps:04d}", "loss.json")["items"]
        return mean(math.log(item["loss"]["1"]) for item in items), time.monotonic() - started


def main() -> None:
    """Train with each format, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("forms", nargs="*", default=FORMS)
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()
    print("| bf16 and | weights, MiB | held-out loss | against bf16 alone | build, s |\n" + "|---" * 5 + "|")
    first: float | None = None
    for form in args.forms:
        loss, seconds = measured(form, args.steps)
        first = loss if first is None else first
        weights = size(form) / 2**20
        print(
            f"| {form} | {weights:.1f} | {math.exp(loss):.4f} | {math.expm1(loss - first):+.2%} | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
