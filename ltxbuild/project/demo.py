"""The demo project: generated clips of a striped shape, on the base that needs no download. Draws nothing."""

from __future__ import annotations

import json
from pathlib import Path

from ltxbuild.problem import fail
from ltxbuild.project.schema import write_schemas
from ltxbuild.project.template import SHARED, write_new

NAME, TRIGGER, CLASS_WORD = "mira", "mira_char", "shape"

LORA = f"""\
#:schema .ltxbuild/schema/lora.json

name = "{NAME}"
trigger = "{TRIGGER}"
class = "{CLASS_WORD}"              # the ordinary word for it
type = "character"
base = "tiny"                # the model inside the package: moving shapes, no GPU, no download

[train]
mode = "fast"                # or quality, which waits for the verdict of fast
"""

HEAD = """\
#:schema .ltxbuild/schema/captions.json

# One line a clip. Change a word and run `ltxbuild` again: one caption is encoded, and the LoRA trained.
# The captions say what changes (motion, background) and leave to the trigger what stays: a striped shape.

"""


def write_demo(target: Path) -> None:
    """Write lora.toml, captions.toml and clips/. Raises ProjectError P106 if a file is in the way."""
    # Here and not above: drawing needs numpy and av, and this module is imported by light commands.
    from ltxbuild.model import world

    ignore = (SHARED / "gitignore").read_text(encoding="utf-8")
    if (target / "clips").exists():
        raise fail("P106", f"{target / 'clips'} exists and is not written to", "choose another folder")
    write_new(target, {"lora.toml": LORA, "captions.toml": HEAD, ".gitignore": ignore})
    (target / "clips").mkdir()
    captions = world.demo_clips(target / "clips")
    lines = "".join(f"{key} = {json.dumps(captions[key], ensure_ascii=False)}\n" for key in sorted(captions))
    (target / "captions.toml").write_text(HEAD + lines, encoding="utf-8")
    write_schemas(target)
