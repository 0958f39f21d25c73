"""`ltxbuild caption [CLIP...]`: drafts by a vision-language model; with --accept, drafts that somebody has read.

Each draft is in captions.toml, marked `draft = true`, before the next clip is looked at: a kill loses none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltxbuild.problem import Problem, ProjectError, fail

if TYPE_CHECKING:
    from ltxbuild.commands.aside import Aside
    from ltxbuild.model.captioner_families import Family
    from ltxbuild.page.sheet import Card
    from ltxbuild.project.project import Clip, Project

PAGE = Path("build") / "captions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Clips, the model, and what to do with drafts."""
    parser.add_argument("clips", nargs="*", metavar="CLIP", help="default: all that lack a caption")
    parser.add_argument(
        "--model",
        metavar="DIR|ID",
        help="a folder or a Hub id: Florence-2, LLaVA-NeXT-Video, Qwen2-VL and later",
    )
    parser.add_argument("--redo", action="store_true", help="draft drafts anew; captions stay")
    parser.add_argument("--accept", action="store_true", help="go through the drafts: accept, edit, skip")
    parser.add_argument("--all", action="store_true", help="with --accept: all of them, unasked")
    parser.add_argument("--follow", action="store_true", help="accept symlinked clips")
    parser.add_argument("--json", action="store_true", help="one event a line on stdout")


def run(args: argparse.Namespace) -> int:
    """Draft or accept. Exit 1 if a clip got none."""
    from ltxbuild.commands.session import find_root
    from ltxbuild.project.project import load

    project = load(find_root(args.folder), follow=args.follow)
    if args.accept:
        from ltxbuild.commands.accept import accept_drafts

        return accept_drafts(args, project)
    if args.all:
        raise fail(
            "B171", "--all belongs to --accept", "without names, all clips that lack a caption get drafts"
        )
    clips = _chosen(project, args.clips, args.redo)
    if not clips:
        print("no clip lacks a caption", file=sys.stderr)
        return 0
    if args.model is None:
        example = "--model Qwen/Qwen2.5-VL-7B-Instruct, or a folder with the model"
        raise fail("B170", f"{len(clips)} clips lack a caption; which model shall draft them?", example)
    return _draft_all(args, project, clips)


def named_clips(project: Project, names: list[str]) -> list[Clip]:
    """The clips that are meant, in the order given. Raises ProjectError naming those that are not there."""
    from ltxbuild.project.clips import fold
    from ltxbuild.project.nearest import nearest

    ways = {fold(way): clip for clip in project.clips for way in (clip.key, clip.path.rpartition("/")[2])}
    unknown = [name for name in names if fold(name) not in ways]
    if unknown:
        keys = [clip.key for clip in project.clips]
        raise ProjectError(
            [
                Problem("B171", f"there is no clip `{name}`", hint=nearest(name, keys) or "")
                for name in unknown
            ]
        )
    return list(dict.fromkeys(ways[fold(name)] for name in names))


def edit_captions(root: Path, change: Callable[[str], str]) -> None:
    """Read captions.toml as it is now, change its text, put it back; a crash leaves the old or the new one."""
    from ltxbuild.engine import files

    path = root / "captions.toml"
    text = path.read_bytes().decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    files.write_atomic(path, (mark + change(text.removeprefix(mark))).encode("utf-8"))


def _chosen(project: Project, names: list[str], redo: bool) -> list[Clip]:
    clips = named_clips(project, names) if names else [clip for clip in project.clips if not clip.skip]
    chosen = []
    for clip in clips:
        if not clip.caption or (redo and clip.draft):
            chosen.append(clip)
        elif names:
            hint = " (a draft: --redo drafts it anew)" if clip.draft else ""
            print(f"note: {clip.key} has a caption, which stays{hint}", file=sys.stderr)
    return chosen


def _draft_all(args: argparse.Namespace, project: Project, clips: list[Clip]) -> int:
    from ltxbuild.commands.aside import Aside, AsideError
    from ltxbuild.model.asked_files import find_files, is_folder, model_type
    from ltxbuild.model.captioner_families import CAPTIONERS, FAMILIES

    if not is_folder(args.model):
        print(f"note: {args.model} is on the Hub; its licence stands on its page there", file=sys.stderr)
    folder = find_files(args.model, CAPTIONERS)
    family = FAMILIES[model_type(folder)]
    if family.task:
        said = "it sees one frame and takes no instructions: look for what the trigger should say, and add the action"
        print(f"note: {args.model} is a Florence-2: {said}", file=sys.stderr)
    sheet: list[Card] = []
    media: dict[str, bytes] = {}
    failed = 0
    with Aside(project.root) as aside:
        model = _Model(aside, family, {"captioner": str(folder.resolve()), "device": project.device})
        for number, clip in enumerate(clips, start=1):
            print(f"{number}/{len(clips)} {clip.key}", file=sys.stderr)
            try:
                frames = model.frames(project, clip)
            except AsideError as error:
                print(f"error: {clip.path}: {error}", file=sys.stderr)
                failed += 1
                continue
            caption = model.caption(project, clip, frames)
            if not caption:
                print(f"error: {clip.key}: the model said nothing that could be a caption", file=sys.stderr)
                failed += 1
                continue
            _keep(args, project, clip, caption)
            sheet.append(_card(clip, caption))
            media[clip.key] = (frames / "row-0001.jpg").read_bytes()
    if sheet:
        print(f"{len(sheet)} drafts, with pictures: {_page(project, sheet, media)}", file=sys.stderr)
        print("read them: `ltxbuild caption --accept`, or edit captions.toml", file=sys.stderr)
    return 1 if failed else 0


class _Model:
    """Frames and captions of clips, through one worker that keeps the model open."""

    def __init__(self, aside: Aside, family: Family, context: dict[str, Any]) -> None:
        self._aside, self._family, self._context = aside, family, context

    def _count(self, clip: Clip) -> int:
        return 1 if clip.image else self._family.frames

    def frames(self, project: Project, clip: Clip) -> Path:
        """The folder with the frames that the model will see. Raises AsideError if the clip cannot be read."""
        return stills(self._aside, project, clip, self._count(clip), self._family.side)

    def caption(self, project: Project, clip: Clip, frames: Path) -> str:
        """The caption for these frames. Raises ProjectError: a model that fails once will fail for all."""
        from ltxbuild.commands.aside import AsideError
        from ltxbuild.job import read_json
        from ltxbuild.project.caption_style import STYLES
        from ltxbuild.project.draft import caption_of, question

        count = 0 if self._family.given == "video" else self._count(clip)
        style = STYLES[str(project.settings.get("caption_style"))]
        asked = question(project.type, project.class_word, count, style)
        try:
            out = self._aside.run(
                "aside.caption", {"frames": frames / "frames.npy"}, {"prompt": asked, "tokens": style.tokens},
                worker="model", context=self._context,
            )  # fmt: skip
        except AsideError as error:
            raise fail("B170", str(error), "what was drafted before stands in captions.toml", 1) from None
        return caption_of(
            read_json(out / "answer.json")["text"], project.type, project.trigger, project.class_word, style
        )


def stills(aside: Aside, project: Project, clip: Clip, count: int, side: int) -> Path:
    """The folder of `count` frames from the middles of equal parts of a clip's range.

    `frames.npy` and `row-0000.jpg` hold all of them, `row-0001.jpg` three at most, for a small picture.
    """
    source = project.root / clip.path
    probe = aside.probe(source)
    start = clip.start or 0.0
    length = (clip.end or float(probe[1]["duration"])) - start
    times = [start + (i + 0.5) * length / count for i in range(count)]
    few = [times[i] for i in sorted({0, count // 2, count - 1})]
    return aside.decode("aside.stills", source, probe, {"rows": [times, few], "side": side, "frames": True})


def _keep(args: argparse.Namespace, project: Project, clip: Clip, caption: str) -> None:
    from ltxbuild.project.captions_edit import put_draft

    edit_captions(
        project.root, lambda text: put_draft(text, project.written_key(clip.key) or clip.key, caption)
    )
    if args.json:
        from ltxbuild.console.json_lines import emit

        emit("draft", clip=clip.key, caption=caption)
    else:
        print(f'{clip.key} = "{caption}"')


def _card(clip: Clip, caption: str) -> Card:
    from ltxbuild.page.sheet import Card

    return Card(clip.key, [caption], clip.key)


def _page(project: Project, sheet: list[Card], media: dict[str, bytes]) -> Path:
    """Write the page with this run's drafts; returns its path."""
    from ltxbuild.commands.sheets import write_sheet
    from ltxbuild.page.sheet import render_sheet

    lead = "a machine wrote these captions: correct them in captions.toml, then accept them"
    page = render_sheet(f"Drafts for {project.name}", lead, sheet, media)
    return write_sheet(project.root / PAGE / "index.html", page)
