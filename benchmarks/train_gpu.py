"""A training step of the whole 22B transformer with random weights: seconds, share of the device's rate, peak memory.

    python benchmarks/train_gpu.py                           # on a GPU: both sizes, every form of the weights
    python benchmarks/train_gpu.py --compile --forms int8    # each block compiled
    python benchmarks/train_gpu.py --free                    # without the order of sums that makes results repeat
    python benchmarks/train_gpu.py --cards 16 24 32          # what `auto` chooses for a smaller GPU, in no more memory
    python benchmarks/train_gpu.py --blocks 1 --forms bf16   # a block of the real width, also without a GPU

Without a GPU it takes a small transformer of the same class, to show that every form runs. A CPU's seconds say nothing
about a GPU; how many operations a step has and how many bytes pass through memory does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import tomli
import torch
import torch._dynamo.config
import torch._inductor.config
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from diffusers import LTX2VideoTransformer3DModel

from ltxbuild.model.device import place_of
from ltxbuild.model.draws import Draw
from ltxbuild.model.family import families
from ltxbuild.model.lora import Spec, attached
from ltxbuild.model.members import Member
from ltxbuild.model.optimizer import Rate, make_optimizer
from ltxbuild.model.training import Log, Trainer
from ltxbuild.model.weights import put, skeleton
from ltxbuild.project.memory import Sizes, fit

SMALL = {
    "num_layers": 4, "num_attention_heads": 4, "attention_head_dim": 32, "cross_attention_dim": 128,
    "audio_num_attention_heads": 2, "audio_attention_head_dim": 32, "audio_cross_attention_dim": 64,
}  # fmt: skip
SIZES = {"768x512x49": (7, 16, 24), "960x544x121": (16, 17, 30)}
SMALL_SIZES = {"256x256x17": (3, 8, 8)}
FORMS = {"bf16": ("", 0.0), "int8": ("int8", 0.0), "fp8": ("fp8", 0.0), "nf4": ("nf4", 0.0),
         "int8, half swapped": ("int8", 0.5), "int8, all swapped": ("int8", 1.0)}  # fmt: skip
TEXT_LENGTH, SQUARE = 1024, 8192
CARD = Path(__file__).parents[1] / "ltxbuild" / "bases" / "ltx-2.3.toml"
QUALITY = (8, 17, 30)
"""960x544x57, the largest shape that the card allows in quality."""
CONTEXT = 0.6
"""GiB of a GPU that CUDA takes for itself: PyTorch may have the rest of the smaller card."""


class Counter(TorchDispatchMode):
    """While it lasts: floating point operations, calls that compute, bytes that they read and write.

    PyTorch's own counter also follows modules, and by that keeps every block's activations that checkpointing has let go.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flop, self.calls, self.moved = 0, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `func` and count what it does."""
        made = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.flop += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=made)
        if not func.is_view and "empty" not in func.__name__:
            self.calls += 1
            self.moved += sum(
                t.nbytes for t in tree_leaves((args, kwargs, made)) if isinstance(t, torch.Tensor)
            )
        return made


class Row(NamedTuple):
    """One size in one form; GiB that tensors took at most, and that PyTorch held for them."""

    seconds: float
    count: Counter
    gib: float | None
    held: float | None


def options() -> dict[str, Any]:
    """Of the published LTX-2.3, as its single files are read."""
    (family,) = [one for one in families() if one.trained]
    return dict(family.parts["transformer"].options)


def random_model(
    config: Mapping[str, Any], device: str, quantize: str, swap: int, attention: str | None
) -> Any:
    """A transformer without its audio half, each weight drawn where it computes and kept as it would be in training."""
    model, shapes = skeleton(LTX2VideoTransformer3DModel, config, device, False, quantize, swap)
    for name, shape in shapes.items():
        put(model, name, torch.randn(shape, device=device, dtype=torch.bfloat16) * 0.02)
    if attention:
        model.set_attention_backend(attention)
    return model.requires_grad_(False).eval()


def member(size: tuple[int, int, int], config: Mapping[str, Any]) -> Member:
    """One clip of random latents."""
    latents = torch.randn(int(config["in_channels"]), *size)
    text = torch.randn(TEXT_LENGTH, int(config["cross_attention_dim"]), dtype=torch.bfloat16)
    return Member("clip", (latents,), text, None, 1, 24.0)


def measured(model: Any, clip: Member, device: str, args: argparse.Namespace) -> Row:
    """The median step after two that are not counted; floating point operations as PyTorch counts them in the first."""
    model.enable_gradient_checkpointing()
    with attached(model, Spec(args.rank, float(args.rank), "attention+ff")) as adapter:
        adapter.start(0)
        optimizer = make_optimizer(adapter.parameters(), 0.01, 1e-4)
        draw = Draw(seed=0, batch=1, first_frame=0.0, prior=0.0, schedule=None)
        trainer = Trainer(model, adapter, optimizer, [clip], draw, Rate(1e-4, 0, None, 1, 1.0), 1.0, Log())
        model.train()
        with Counter() as counter:
            trainer.step(1)
        with compiled(model) if args.compile else nullcontext():
            trainer.step(2)
            if device != "cpu":
                torch.cuda.reset_peak_memory_stats()
            took = [timed(lambda step=step: trainer.step(step), device) for step in range(3, args.steps + 3)]
        if trainer.log.skipped:
            sys.exit(f"{trainer.log.skipped} steps had no finite loss: the seconds would say nothing")
    peaks = (
        (None, None)
        if device == "cpu"
        else (torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved())
    )
    return Row(statistics.median(took), counter, *(p and p / 2**30 for p in peaks))


@contextmanager
def compiled(model: Any) -> Iterator[None]:
    """Each block compiled for each shape, and none for all shapes: those kernels are slower, and which one a step gets
    would depend on the steps before it. Without measuring on the device, which would choose among sums' orders.

    Compiled code that is called while a dispatch mode counts is never compiled again, so it is gone afterwards.
    """
    torch._dynamo.config.recompile_limit = 64
    torch._inductor.config.deterministic = True
    plain = [block.forward for block in model.transformer_blocks]
    for block, forward in zip(model.transformer_blocks, plain, strict=True):
        block.forward = torch.compile(forward, fullgraph=True, dynamic=False)
    try:
        yield
    finally:
        for block, forward in zip(model.transformer_blocks, plain, strict=True):
            block.forward = forward


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds until the device is done."""
    started = time.perf_counter()
    work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def matrix_rate(device: str) -> float:
    """TFLOP a second of large matrix products in bf16: what a step can at most come to."""
    side = SQUARE if device != "cpu" else SQUARE // 8
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / min(timed(lambda: a @ b, device) for _ in range(10)) / 1e12


def rows(args: argparse.Namespace, device: str) -> Iterator[tuple[str, str, Row]]:
    """Every form in every size; one model at a time is on the device."""
    small = device == "cpu" and not args.blocks
    config = {**options(), **(SMALL if small else {"num_layers": args.blocks} if args.blocks else {})}
    for form in args.forms:
        quantize, swapped = FORMS[form]
        model = random_model(
            config, device, quantize, round(swapped * int(config["num_layers"])), args.attention
        )
        for name, size in (SMALL_SIZES if small else SIZES).items():
            yield form, name, measured(model, member(size, config), device, args)
        leave(model)


def leave(model: Any) -> None:
    """Free a model's memory; compiled code of it, too."""
    model.to("meta")
    torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def cards(args: argparse.Namespace) -> Iterator[str]:
    """A table's lines: for a GPU of so many GiB the form that `auto` chooses, and whether a step of quality fits."""
    sizes = Sizes.of(tomli.loads(CARD.read_text(encoding="utf-8"))["memory"])
    assert sizes is not None
    whole, config = torch.cuda.get_device_properties(0).total_memory / 2**30, options()
    for gib in args.cards:
        found = fit(sizes, gib, QUALITY[0] * QUALITY[1] * QUALITY[2], args.rank, ["none", "int8"])
        torch.cuda.set_per_process_memory_fraction((gib - CONTEXT) / whole)
        form, model = "" if found.quantize == "none" else found.quantize, None
        try:
            model = random_model(config, "cuda", form, found.swap, args.attention)
            row = measured(model, member(QUALITY, config), "cuda", args)
            told = f"{row.seconds:.3f} | {row.gib:.1f} | {row.held:.1f}"
        except torch.OutOfMemoryError:
            told = "out of memory | - | -"
        yield f"| {gib:g} | {found.quantize} | {found.swap} | {found.needed:.1f} | {told} |"
        if model is not None:
            leave(model)


def table(*columns: str) -> None:
    """Print a table's head."""
    print(f"| {' | '.join(columns)} |\n" + "|---" * len(columns) + "|", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--forms", nargs="*", choices=FORMS, default=list(FORMS), metavar="FORM", help=", ".join(FORMS)
    )
    parser.add_argument("--cards", nargs="*", type=float, default=[], metavar="GIB")
    parser.add_argument("--blocks", type=int, help="so many blocks of the real width; all 48 on a GPU")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--compile", action="store_true", help="torch.compile each block")
    parser.add_argument("--attention", help="one of diffusers' back ends, such as _native_cudnn")
    parser.add_argument("--free", action="store_true", help="let sums run in any order")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    place_of({"base": "base", "device": device}, {"precision": "bf16"})  # sets the device up as a build does
    if args.free:
        torch.use_deterministic_algorithms(False)
    torch.manual_seed(0)
    rate = matrix_rate(device)
    name = (
        torch.cuda.get_device_name()
        if device != "cpu"
        else "CPU, a small transformer: its seconds say nothing"
    )
    print(f"{name}; PyTorch {torch.__version__}; large matrix products: {rate:.2f} TFLOP/s\n")
    table(
        "weights",
        "size",
        "s a step",
        "TFLOP",
        "of the matrix rate",
        "calls",
        "GB moved",
        "peak GiB",
        "held GiB",
    )
    for form, size, row in rows(args, device):
        tflop, moved = row.count.flop / 1e12, row.count.moved / 1e9
        share = tflop / row.seconds / rate
        gib, held = ("-" if peak is None else f"{peak:.1f}" for peak in (row.gib, row.held))
        figures = f"{row.seconds:.3f} | {tflop:.3f} | {share:.0%} | {row.count.calls:,} | {moved:,.1f} | {gib} | {held}"
        print(f"| {form} | {size} | {figures} |", flush=True)
    if args.cards and device != "cpu":
        print()
        table("GiB", "weights", "swapped blocks", "reckoned GiB", "s a step", "peak GiB", "held GiB")
        for line in cards(args):
            print(line, flush=True)


if __name__ == "__main__":
    main()
