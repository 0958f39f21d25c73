"""`ltxbuild lint --fix`: mend captions.toml where that is safe. Everything but the captions stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltxbuild.project.project import CAPTIONS, Clip, Project

if TYPE_CHECKING:
    from ltxbuild.lint.fixing import Fix


@dataclass(frozen=True)
class Mended:
    """One caption before and after, and the codes of what was mended."""

    clip: Clip
    codes: tuple[str, ...]
    after: str


def mend(project: Project, *, unsafe: bool, write: bool) -> None:
    """Print what is mended as a diff, and write it. Raises ProjectError if the file was changed meanwhile."""
    from ltxbuild.commands.caption import edit_captions
    from ltxbuild.problem import fail
    from ltxbuild.project.rewriting import rewritten

    found = list(mendable(project, unsafe))
    for one in found:
        span = project.position(CAPTIONS, one.clip.key)
        print(f"{CAPTIONS}:{span.line if span else '?'}: {', '.join(one.codes)}")
        print(f"  - {one.clip.caption}\n  + {one.after}")
    sys.stdout.flush()
    if found and write:

        def change(text: str) -> str:
            if text != project.captions.text:
                raise fail("P108", f"{CAPTIONS} was changed meanwhile: nothing was written", "run it again")
            return rewritten(project.captions, {_path(project, one.clip): one.after for one in found})

        edit_captions(project.root, change)
    done = "mended" if write else "could be mended"
    print(f"{len(found)} caption{'' if len(found) == 1 else 's'} {done}", file=sys.stderr)


def mendable(project: Project, unsafe: bool) -> Iterator[Mended]:
    """The captions that the wanted fixes change: those that [lint] selects and the clip's line does not ignore."""
    from ltxbuild.lint.fixing import Concept, mended
    from ltxbuild.lint.selection import ALL, matches

    concept = Concept(project.trigger, project.class_word)
    chosen = [list(project.settings.get(f"lint.{name}")) for name in ("select", "ignore")]
    for clip in project.clips:
        ignored = [*chosen[1], *clip.ignore]

        def wanted(fix: Fix, ignored: list[str] = ignored) -> bool:
            asked = {"code": fix.code, "name": fix.name}
            return (fix.safe or unsafe) and matches(asked, chosen[0] or (ALL,)) > matches(asked, ignored)

        steps = list(mended(clip.caption or "", concept, wanted))
        if steps and not clip.skip:
            yield Mended(clip, tuple(fix.code for fix, _ in steps), steps[-1][1])


def _path(project: Project, clip: Clip) -> tuple[str, ...]:
    key = project.written_key(clip.key)
    assert key is not None, "a clip with a caption has a line"
    return (key,) if isinstance(project.captions.data[key], str) else (key, "caption")
