"""What `ltxbuild export --dataset FORMAT` does: the project's clips and captions for another trainer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ltxbuild.commands.options import options_of
from ltxbuild.commands.running import run_build
from ltxbuild.commands.session import Choice, open_session, read_project
from ltxbuild.dataset.entry import Words
from ltxbuild.dataset.export_project import exported, is_cut, outgoing, unsaid
from ltxbuild.dataset.formats import WRITTEN
from ltxbuild.dataset.package import write_package
from ltxbuild.problem import fail


def export_dataset(args: argparse.Namespace, choice: Choice) -> int:
    """Write build/dataset/FORMAT and print where it is. Raises ProjectError."""
    if args.targets:
        raise fail("D303", f"--dataset takes no target: {args.targets[0]}", "all clips are exported")
    form = WRITTEN[args.dataset]
    project = read_project(choice)
    cut = [c.key for c in exported(project) if is_cut(c) or (args.transcoded and not c.image)]
    target = project.root / "build" / "dataset" / form.name
    zip_name = f"{project.name}.zip" if form.zipped else ""
    with _pieces(args, choice, cut) as pieces:
        out = outgoing(project, pieces)
        layout = form.layout(out.entries, Words(project.trigger, project.class_word))
        memory = project.root / ".ltxbuild" / "dataset" / f"{form.name}.json"
        aside = write_package(target, layout, out.originals, zip_name, memory)
    if aside is not None:
        _say(f"{target.relative_to(project.root)} was changed by hand: kept as {aside.name}")
    for line in (*unsaid(project, form, out), *form.remarks(out.entries)):
        _say(line)
    _say(f"{len(out.entries)} clips, {len(pieces)} of them as the training sees them, the others as they are")
    place = str(target / zip_name)
    print(json.dumps({"v": 1, "event": "dataset", "path": place}) if args.json else place)
    return 0


@contextmanager
def _pieces(args: argparse.Namespace, choice: Choice, keys: Sequence[str]) -> Iterator[dict[str, Path]]:
    """The transcoded clips by key, made now if need be; nothing is opened where none is asked for."""
    if not keys:
        yield {}
        return
    with open_session(choice, write=True) as session:
        targets = session.graph.resolve(f"transcode:{key}" for key in keys)
        records = run_build(args, session, targets, options_of(args, frozenset())).records
        missing = [key for key in keys if f"transcode:{key}" not in records]
        if missing:
            hint = f"`ltxbuild log transcode:{missing[0]}` says why"
            raise fail("D302", f"these clips could not be transcoded: {', '.join(missing)}", hint, 1)
        yield {
            key: session.space.store.path(records[f"transcode:{key}"].outputs["video.mp4"]) for key in keys
        }


def _say(text: str) -> None:
    print(text, file=sys.stderr)
