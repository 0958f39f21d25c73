"""A training step of the whole 22B transformer with random weights: seconds, share of the device's rate, peak memory.

    python benchmarks/train_gpu.py                     # on a GPU: both sizes, every form of the weights
    python benchmarks/train_gpu.py --compile --forms int8

Without a GPU it takes a small transformer of the same class, to show that every form runs; its seconds say nothing
about a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from diffusers import LTX2VideoTransformer3DModel

from ltxbuild.model.draws import Draw
from ltxbuild.model.family import families
from ltxbuild.model.lora import Spec, attached
from ltxbuild.model.members import Member
from ltxbuild.model.optimizer import Rate, make_optimizer
from ltxbuild.model.training import Log, Trainer
from ltxbuild.model.weights import put, skeleton

SMALL = {
    "num_layers": 4, "num_attention_heads": 4, "attention_head_dim": 32, "cross_attention_dim": 128,
    "audio_num_attention_heads": 2, "audio_attention_head_dim": 32, "audio_cross_attention_dim": 64,
}  # fmt: skip
SIZES = {"768x512x49": (7, 16, 24), "960x544x121": (16, 17, 30)}
SMALL_SIZES = {"256x256x17": (3, 8, 8)}
FORMS = {"bf16": ("", 0.0), "int8": ("int8", 0.0), "fp8": ("fp8", 0.0), "nf4": ("nf4", 0.0),
         "int8, half swapped": ("int8", 0.5), "int8, all swapped": ("int8", 1.0)}  # fmt: skip
TEXT_LENGTH, SQUARE = 1024, 8192


class Row(NamedTuple):
    """One size in one form."""

    seconds: float
    tflop: float
    gib: float | None


def options() -> dict[str, Any]:
    """Of the published LTX-2.3, as its single files are read."""
    (family,) = [one for one in families() if one.trained]
    return dict(family.parts["transformer"].options)


def random_model(config: Mapping[str, Any], device: str, quantize: str, swapped: float) -> Any:
    """A transformer without its audio half, each weight drawn where it computes and kept as it would be in training."""
    swap = round(swapped * int(config["num_layers"]))
    model, shapes = skeleton(LTX2VideoTransformer3DModel, config, device, False, quantize, swap)
    for name, shape in shapes.items():
        put(model, name, torch.randn(shape, device=device, dtype=torch.bfloat16) * 0.02)
    return model.requires_grad_(False).eval()


def member(size: tuple[int, int, int], config: Mapping[str, Any]) -> Member:
    """One clip of random latents."""
    latents = torch.randn(int(config["in_channels"]), *size)
    text = torch.randn(TEXT_LENGTH, int(config["cross_attention_dim"]), dtype=torch.bfloat16)
    return Member("clip", (latents,), text, None, 1, 24.0)


def measured(model: Any, clip: Member, device: str, steps: int, rank: int) -> Row:
    """The median step after a first one that is not counted; floating point operations as PyTorch counts them."""
    model.enable_gradient_checkpointing()
    with attached(model, Spec(rank, float(rank), "attention+ff")) as adapter:
        adapter.start(0)
        optimizer = make_optimizer(adapter.parameters(), 0.01, 1e-4)
        draw = Draw(seed=0, batch=1, first_frame=0.0, prior=0.0, schedule=None)
        trainer = Trainer(model, adapter, optimizer, [clip], draw, Rate(1e-4, 0, None, 1, 1.0), 1.0, Log())
        model.train()
        with FlopCounterMode(display=False) as counter:
            trainer.step(1)
        if device != "cpu":
            torch.cuda.reset_peak_memory_stats()
        took = []
        for step in range(2, steps + 2):
            started = time.perf_counter()
            trainer.step(step)
            if device != "cpu":
                torch.cuda.synchronize()
            took.append(time.perf_counter() - started)
    gib = None if device == "cpu" else torch.cuda.max_memory_allocated() / 2**30
    return Row(statistics.median(took), counter.get_total_flops() / 1e12, gib)


def matrix_rate(device: str) -> float:
    """TFLOP a second of large matrix products in bf16: what a step can at most come to."""
    side = SQUARE if device != "cpu" else SQUARE // 8
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        a @ b
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best / 1e12


def rows(args: argparse.Namespace, device: str) -> Iterator[tuple[str, str, Row]]:
    """Every form in every size; one model at a time is on the device."""
    config = options() if device != "cpu" else {**options(), **SMALL}
    for form in args.forms:
        quantize, swapped = FORMS[form]
        model = random_model(config, device, quantize, swapped)
        if args.compile:
            for block in model.transformer_blocks:
                block.compile()
        for name, size in (SIZES if device != "cpu" else SMALL_SIZES).items():
            yield form, name, measured(model, member(size, config), device, args.steps, args.rank)
        del model
        if device != "cpu":
            torch.cuda.empty_cache()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--forms", nargs="+", choices=FORMS, default=list(FORMS), metavar="FORM", help=", ".join(FORMS)
    )
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--compile", action="store_true", help="torch.compile each block")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    rate = matrix_rate(device)
    name = (
        torch.cuda.get_device_name()
        if device != "cpu"
        else "CPU, a small transformer: its seconds say nothing"
    )
    print(f"{name}; large matrix products: {rate:.2f} TFLOP/s\n")
    print("| weights | size | s a step | TFLOP | of the matrix rate | peak GiB |\n" + "|---" * 6 + "|")
    for form, size, row in rows(args, device):
        share, gib = row.tflop / row.seconds / rate, "-" if row.gib is None else f"{row.gib:.1f}"
        print(f"| {form} | {size} | {row.seconds:.3f} | {row.tflop:.3f} | {share:.0%} | {gib} |", flush=True)


if __name__ == "__main__":
    main()
