"""`ltxbuild doctor`: what is wrong with this machine for this kind of work."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "diffusers", "transformers", "peft", "safetensors", "av", "numpy", "xxhash")
# The tiny base, latents and samples of a demo fit in a fraction of this; a real project with its checkpoints does not.
LITTLE_DISK = 20 << 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(args: argparse.Namespace) -> int:
    """Print what was looked at; exit 1 if something is wrong."""
    wrong = 0
    for good, line in _checks(Path(args.folder)):
        print(("ok     " if good else "WRONG  ") + line)
        wrong += not good
    return 1 if wrong else 0


def _checks(folder: Path) -> Iterator[tuple[bool, str]]:
    system = sys.platform
    yield (
        system != "win32",
        f"operating system {system}"
        + ("" if system != "win32" else ": use WSL2; killable workers and file locks need POSIX"),
    )
    yield sys.version_info >= (3, 10), f"Python {sys.version.split()[0]} (3.10 or later)"
    for package in PACKAGES:
        try:
            yield True, f"{package} {version(package)}"
        except PackageNotFoundError:
            yield False, f"{package} is not installed: run pip install ltxbuild again"
    free = shutil.disk_usage(folder).free
    yield free > LITTLE_DISK, f"{free / (1 << 30):.0f} GiB free on this disk (20 or more for a real project)"
    yield os.access(folder, os.W_OK), f"{folder.resolve()} can be written"
    yield from _device()


def _device() -> Iterator[tuple[bool, str]]:
    import torch

    if not torch.cuda.is_available():
        yield True, "no CUDA device: the tiny base works (demo, rehearse); LTX-2.3 needs a GPU"
        return
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        yield True, f"{facts.name} with {facts.total_memory / (1 << 30):.0f} GiB"
