"""`ltxbuild convert FILE OUT`: a LoRA under the names that another tool reads, with its scale baked in."""

from __future__ import annotations

import argparse
from pathlib import Path

FORMS = ("comfyui", "diffusers", "peft", "kohya")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to read, what to write."""
    parser.add_argument("file", metavar="FILE", help="a LoRA as any tool wrote it")
    parser.add_argument("out", metavar="OUT", help="the file to write; one that is there stays")
    parser.add_argument(
        "--to",
        choices=FORMS,
        default="comfyui",
        help="names of the keys: comfyui (diffusers and the official code read it, too), diffusers, peft, kohya",
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16", "fp16"), help="of the weights (default: the file's)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the file and read it back. Raises ProjectError for what is no LoRA, and where OUT is there already."""
    from ltxbuild.commands.inspect import read_lora
    from ltxbuild.job import StageError
    from ltxbuild.problem import fail

    source, target = Path(args.file), Path(args.out)
    _, described = read_lora(source)
    if described.problems:
        raise fail(
            "B150", f"{source} cannot be converted: {described.problems[0]}", f"`ltxbuild inspect {source}`"
        )
    if target.exists():
        raise fail("B151", f"{target} is there already", "name another file; nothing was changed")
    if not target.parent.is_dir():
        raise fail("B151", f"there is no folder {target.parent}", "make it, or name another file")
    from ltxbuild.model.lora_convert import convert

    try:
        done = convert(source, target, args.to, args.precision)
    except StageError as error:
        raise fail("B150", str(error), exit_code=1) from error
    print(
        f"{target}: {done.layers} layers as {args.to} in {done.precision}; read back, "
        f"the largest difference is {done.difference:.2g} of the largest weight"
    )
    return 0
