"""Crops on the subject, and the detector that finds it, as the project's files ask for them. Finds nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

from ltxbuild.problem import Problem, Span
from ltxbuild.project.captions import BY_SUBJECT
from ltxbuild.project.resolved import Settings
from ltxbuild.project.toml_file import Document

TYPES = ("character", "object")
"""What has a subject that each clip must show: a style, a motion or a world may have any."""


def check_subject(
    asked: Sequence[str],
    kind: str,
    settings: Settings,
    lora: Document,
    captions: Document,
    problems: list[Problem],
) -> None:
    """A problem for crops on the subject that nobody can find, or that would part a clip from its reference.

    `asked`: the keys of the clips that are to be cropped so.
    """
    if not asked:
        return
    for_all = settings.get("bucket.crop") == BY_SUBJECT
    span: Span | None = (lora.key("bucket", "crop") if for_all else None) or captions.key(asked[0])
    if kind == "control":
        what = 'crop = "subject" is not for a control set: a clip and its reference must be cut alike'
        problems.append(Problem("P220", what, span, 'say which side is kept, for instance crop = "left"'))
    elif not settings.get("lint.detector"):
        what = 'crop = "subject" needs a detector that finds it'
        hint = 'name one under [lint], for instance detector = "IDEA-Research/grounding-dino-tiny"'
        problems.append(Problem("P220", what, span, hint))
