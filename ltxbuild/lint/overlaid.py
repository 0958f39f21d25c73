"""Rules about what was laid over a clip's pictures: bars at their edges, lettering. They read the scan, never a file."""

from __future__ import annotations

from collections.abc import Iterator

from ltxbuild.job import Json
from ltxbuild.lint.facts import ClipFacts
from ltxbuild.lint.pixels import DARK, mean_luma
from ltxbuild.lint.rule import Hit, rule

BAR = 0.02  # of the picture


@rule("PIX107", "bars", "W", "clip")
def bars(clip: ClipFacts) -> Iterator[Hit]:
    """Black bars at an edge, which the model would draw.

    Rows or columns whose mean luma stays under 28 of 255 and whose deviation stays under 6, from the first frame to
    the last, at least 2 % of the picture. In a very dark clip (PIX110) they cannot be told. Crop the footage.
    """
    found = (
        {side: share for side, share in clip.scan["bars"].items() if share >= BAR} if clip.detailed else {}
    )
    if found and mean_luma(clip) >= DARK:
        words = ", ".join(f"{side} {share:.0%}" for side, share in found.items())
        evidence = {**found, "boxes": [_bar_box(side, share) for side, share in found.items()]}
        message = f"{clip.path} has black bars: {words}"
        yield Hit(message, clip.path, clip.key, evidence=evidence, fix="crop them off")


def _bar_box(side: str, share: float) -> list[Json]:
    """Left, top, width and height in shares of the picture."""
    across = side in ("top", "bottom")
    left, top = (1 - share if side == "right" else 0.0), (1 - share if side == "bottom" else 0.0)
    return [round(left, 4), round(top, 4), 1.0 if across else share, share if across else 1.0]


@rule("PIX114", "lettering", "W", "clip")
def lettering(clip: ClipFacts) -> Iterator[Hit]:
    """Letters stand over the picture: a title, subtitles, a logo. The model would write them.

    Found by their form, not read: five or more flat white or black signs of one height in a row, or large pure white
    pieces side by side, that stay for half a second. Thin, coloured or handwritten letters escape it; a row of
    white posts may not. The evidence gives place and time.
    """
    lines = clip.scan["letters"] if clip.moving else []
    if not lines:
        return
    left, top = (min(line["box"][i] for line in lines) for i in (0, 1))
    right, bottom = (max(line["box"][i] + line["box"][i + 2] for line in lines) for i in (0, 1))
    start, end = min(line["from"] for line in lines), max(line["to"] for line in lines)
    message = f"{clip.path} seems to have lettering from {start:.2f} to {end:.2f} s"
    message += f" ({left:.0%} from the left, {top:.0%} from the top, {right - left:.0%} wide)"
    box = [round(value, 3) for value in (left, top, right - left, bottom - top)]
    evidence = {**dict(zip(("left", "top", "width", "height"), box, strict=True)), "boxes": [[*box]]}
    yield Hit(message, clip.path, clip.key, start, evidence=evidence)


RULES = (bars, lettering)
