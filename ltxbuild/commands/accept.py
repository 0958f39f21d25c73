"""Drafts become captions: one by one on a terminal, with pictures; named ones or all of them elsewhere."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ltxbuild.commands.caption import PAGE, edit_captions, named_clips, stills
from ltxbuild.problem import fail

if TYPE_CHECKING:
    from ltxbuild.commands.aside import Aside
    from ltxbuild.project.project import Clip, Project

PICTURES = 4
SIDE = 240


def accept_drafts(args: argparse.Namespace, project: Project) -> int:
    """Take `draft = true` away from what was read. Exit 0."""
    named = named_clips(project, args.clips) if args.clips else list(project.clips)
    drafts = [clip for clip in named if clip.draft and clip.caption]
    for clip in named if args.clips else []:
        if clip not in drafts:
            print(f"note: {clip.key} is no draft", file=sys.stderr)
    if not drafts:
        print("there are no drafts", file=sys.stderr)
        return 0
    asking = not args.all and not args.json and sys.stdin.isatty() and sys.stderr.isatty()
    if asking:
        _ask_all(project, drafts)
        return 0
    if not args.all and not args.clips:
        what = f"there are {len(drafts)} drafts, and nobody to be asked about each"
        raise fail("B171", what, "name the clips whose captions you have read, or give --all")
    for clip in drafts:
        _accept(args.json, project, clip, None)
    return 0


def _accept(as_json: bool, project: Project, clip: Clip, caption: str | None) -> None:
    from ltxbuild.project.captions_edit import accept

    key = project.written_key(clip.key) or clip.key
    edit_captions(project.root, lambda text: accept(text, key, caption))
    if as_json:
        from ltxbuild.console.json_lines import emit

        emit("accepted", clip=clip.key, caption=caption or clip.caption)
    else:
        print(f"accepted {clip.key}")


def _ask_all(project: Project, drafts: list[Clip]) -> None:
    from ltxbuild.commands.aside import Aside

    with Aside(project.root) as aside:
        for number, clip in enumerate(drafts, start=1):
            _show(aside, project, clip)
            print(f"{number}/{len(drafts)} {clip.key}: {clip.caption}", file=sys.stderr)
            if not _ask(project, clip):
                return


def _ask(project: Project, clip: Clip) -> bool:
    """One draft; False to leave. Enter accepts nothing: a caption is read before it counts."""
    while True:
        print("a accept, e edit, s skip, q quit: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        choice = line.strip().lower()[:1]
        if choice == "q" or not line:
            return False
        if choice == "s":
            return True
        if choice == "a":
            _accept(False, project, clip, None)
            return True
        if choice == "e" and (caption := _edited(clip.caption or "")):
            _accept(False, project, clip, caption)
            return True


def _edited(caption: str) -> str:
    """The caption as the user's editor leaves it; empty if it is left unusable or the editor fails."""
    from ltxbuild.project.names import control_character

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        print("set EDITOR to the editor you want, or edit captions.toml", file=sys.stderr)
        return ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "caption.txt"
        path.write_text(caption + "\n", "utf-8")
        try:
            code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
            text = " ".join(path.read_text("utf-8").split())
        except (OSError, UnicodeDecodeError, ValueError) as error:
            print(f"{editor} did not work: {error}", file=sys.stderr)
            return ""
    sign = control_character(text)
    if code or sign or not text:
        why = (
            f"it ended with code {code}"
            if code
            else f"the caption has {sign}"
            if sign
            else "the caption is empty"
        )
        print(f"nothing is changed: {why}", file=sys.stderr)
        return ""
    return text


def _show(aside: Aside, project: Project, clip: Clip) -> None:
    """The clip's pictures in the terminal where it has colours, and as a file in any case."""
    from ltxbuild.commands.aside import AsideError
    from ltxbuild.console.blocks import draw
    from ltxbuild.engine import files

    try:
        folder = stills(aside, project, clip, 1 if clip.image else PICTURES, SIDE)
    except AsideError as error:
        print(f"{clip.path} cannot be shown: {error}", file=sys.stderr)
        return
    strip = project.root / PAGE / "strip.jpg"
    files.copy(folder / "row-0000.jpg", strip)
    draw(folder / "frames.npy")
    print(f"{strip}", file=sys.stderr)
