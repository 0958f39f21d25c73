"""`ltxbuild export --dataset FORM`: the project's clips and captions for another trainer, into build/dataset/."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ltxbuild.commands.session import Choice, read_project
from ltxbuild.dataset.item import Item
from ltxbuild.dataset.writing import FORMS, SAYS_REPEATS, Packed, Put
from ltxbuild.engine import files
from ltxbuild.problem import fail
from ltxbuild.project.project import Clip, Project


def hand_over(choice: Choice, form: str) -> int:
    """Write the dataset anew and print its path. The clips are the files of clips/, as they are."""
    project = read_project(choice)
    chosen = [clip for clip in project.clips if clip.caption and not clip.skip]
    if not chosen:
        raise fail("D105", "no clip has a caption", "write captions into captions.toml")
    target = choice.root / "build" / "dataset" / form
    new = files.temporary_for(target)
    files.make_folder(new)
    try:
        _write(form, [_item(project, clip) for clip in chosen], new, project.name)
        files.remove_tree(target)
        files.replace(new, target)
    finally:
        files.remove_tree(new)
    for line in unsaid(form, chosen):
        print(line, file=sys.stderr)
    print(target)
    return 0


def _write(form: str, items: Sequence[Item], folder: Path, name: str) -> None:
    if form == "zip":
        packed = Packed(folder / f"{name}.zip")
        FORMS[form](items, packed.put)
        packed.close()
        return
    FORMS[form](items, _into(folder))


def _into(folder: Path) -> Put:
    def put(name: str, what: Path | bytes) -> None:
        if isinstance(what, bytes):
            files.write_atomic(folder / name, what, durable=False)
        else:
            files.copy(what, folder / name)

    return put


def _item(project: Project, clip: Clip) -> Item:
    references = project.root / "references"
    found = sorted(references.glob(f"{Path(clip.path).stem}.*")) if project.type == "control" else []
    return Item(project.root / clip.path, clip.caption, clip.repeats, found[0] if found else None)


def unsaid(form: str, clips: Sequence[Clip]) -> list[str]:
    """What the form cannot say, in words."""
    cut = [clip.key for clip in clips if clip.start is not None or clip.end is not None]
    often = [clip.key for clip in clips if clip.repeats > 1 and form not in SAYS_REPEATS]
    draft = [clip.key for clip in clips if clip.draft]
    said = (
        (cut, "start and end cannot be told: the whole clip is in it"),
        (often, f"repeats cannot be told in the form {form}"),
        (draft, "the caption is an unreviewed draft"),
    )
    return [
        f"{reason}: {', '.join(keys[:5])}{' ...' if len(keys) > 5 else ''}" for keys, reason in said if keys
    ]
