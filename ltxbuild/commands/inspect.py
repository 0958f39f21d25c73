"""`ltxbuild inspect FILE`: what a LoRA file holds, whichever tool wrote it, and who can use it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltxbuild.adapter.described import Description
    from ltxbuild.adapter.header import Header

# Tools by form of the keys; that diffusers takes neither of the last two without a word is a complaint of its users.
READ_BY = {
    "comfyui": "ComfyUI, diffusers and the official code read them",
    "diffusers": "diffusers reads them",
    "peft": "peft reads them; ComfyUI and diffusers load nothing of them",
    "kohya": "ComfyUI reads them; diffusers loads nothing of them",
    "bare": "no prefix: diffusers loads nothing of them, with only a line in its log",
    "mixed": "keys of several tools",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file."""
    parser.add_argument("file", metavar="FILE", help="a LoRA, in a project or not")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Describe the file; 1 if it cannot be used as a LoRA. Raises ProjectError if it is no safetensors file."""
    header, described = read_lora(Path(args.file))
    empty = _empty(header, described)
    print(json.dumps(_as_json(described, empty), indent=1) if args.json else _text(header, described, empty))
    return 1 if described.problems or (described.layers and len(empty) == len(described.layers)) else 0


def read_lora(path: Path) -> tuple[Header, Description]:
    """Header and description. Raises ProjectError B150 if it cannot be read or is no safetensors file."""
    from ltxbuild.adapter.described import describe
    from ltxbuild.adapter.header import NotSafetensors, read_header
    from ltxbuild.problem import fail

    try:
        header = read_header(path)
    except NotSafetensors as error:
        raise fail("B150", f"{path} is no LoRA: {error}", "name a .safetensors file") from None
    except OSError as error:
        raise fail("B150", f"{path} cannot be read: {error.strerror}") from None
    return header, describe(header)


def _empty(header: Header, described: Description) -> list[str]:
    """Layers without an effect: the second half is all zero."""
    return [module for module, layer in described.layers.items() if header.is_zero(layer.b)]


def _as_json(described: Description, empty: list[str]) -> dict[str, object]:
    return {
        "v": 1,
        "form": described.form,
        "scaled": described.scaled,
        "dtypes": described.dtypes,
        "ranks": described.ranks,
        "targets": described.targets if described.layers else None,
        "audio": described.audio,
        "empty": empty,
        "problems": described.problems,
        "unknown": described.unknown,
        "layers": {m: {"rank": one.rank, "scale": one.scale} for m, one in described.layers.items()},
        "metadata": dict(described.metadata),
    }


def _text(header: Header, described: Description, empty: list[str]) -> str:
    lines = [f"{header.path.name}: {len(header.tensors)} tensors in {', '.join(described.dtypes)}"]
    if described.layers:
        blocks = {module.split(".")[1] for module in described.layers}
        kinds = sorted({module.split(".", 3)[2] for module in described.layers})
        scales = sorted({round(layer.scale, 6) for layer in described.layers.values()})
        shown = ", ".join(f"{scale:g}" for scale in scales[:5]) + (" ..." if len(scales) > 5 else "")
        lines += [
            f"  keys     {described.form}: {READ_BY.get(described.form, 'of no tool that is known')}",
            f"  layers   {len(described.layers)} in {len(blocks)} blocks: {', '.join(kinds)}",
            f"  rank     {', '.join(map(str, described.ranks))}",
            f"  scale    {shown} ({described.scaled})",
        ]
    for name in ("trigger", "class", "type", "mode", "base"):
        if value := described.metadata.get(f"ltxbuild.{name}"):
            lines.append(f"  {name:<8} {_plain(value)}")
    lines += [f"problem: {problem}" for problem in described.problems]
    if empty:
        lines.append(
            f"problem: {len(empty)} of {len(described.layers)} layers have no effect, first {empty[0]}"
        )
    if described.scaled == "alpha keys" and described.form in ("comfyui", "diffusers"):
        lines.append("note: diffusers refuses alpha keys beside such names; `ltxbuild convert` bakes them in")
    if described.audio:
        lines.append(
            f"note: {len(described.audio)} layers work on sound, or let it and the picture see each other"
        )
    if described.unknown:
        first = _plain(described.unknown[0])
        lines.append(
            f"note: {len(described.unknown)} tensors belong to no layer that is known, first {first}"
        )
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A stranger's words without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in text)[:200]
