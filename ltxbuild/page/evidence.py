"""The picture that belongs to a finding: the frames around its moment, the place in the picture, the other clip.

Knows what findings hold as evidence, no rule: a time, "boxes" [left, top, width, height] in shares of the picture, the
"other" clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ltxbuild.page.media import Media

Clips = Mapping[str, Mapping[str, Any]]


def picture_of(finding: Mapping[str, Any], clip: str | None, clips: Clips, media: Media) -> Markup:
    """What shows the finding, or nothing; `clips` have "fit" and "moments" as `lint_clip` writes them."""
    evidence = finding.get("evidence") or {}
    time, other = (finding.get("where") or {}).get("time"), evidence.get("other")
    if clip and time is not None:
        return _moment(clip, float(time), clips, media)
    if evidence.get("boxes"):
        return _boxes(evidence["boxes"], clip or other, clips, media)
    if other and media.has(f"strip:{other}"):
        return Markup('<figure class="evidence">{}<figcaption>{}</figcaption></figure>').format(
            media.picture(f"strip:{other}", f"frames of {other}"), other
        )
    return Markup("")


def _moment(clip: str, time: float, clips: Clips, media: Media) -> Markup:
    """The pictures of one moment, cut out of all of the clip's."""
    found = clips.get(clip, {}).get("moments")
    name = f"moments:{clip}"
    if not found or not media.has(name):
        return Markup("")
    width, height = found["size"]
    start = 0
    for moment in found["shown"]:
        if abs(moment["time"] - time) < 1e-3:
            break
        start += moment["pictures"]
    else:
        return Markup("")
    whole = sum(moment["pictures"] for moment in found["shown"])
    view = (start * width, 0, moment["pictures"] * width, height)
    label = f"{clip} at {time:.2f} s"
    return _figure(name, (width * whole, height), view, Markup(""), label, media)


def _boxes(boxes: Any, clip: str | None, clips: Clips, media: Media) -> Markup:
    """The places on the first picture of the clip's strip."""
    name = f"strip:{clip}"
    fit = clips.get(str(clip), {}).get("fit")
    if not fit or not media.has(name):
        return Markup("")
    width, height = fit["width"], fit["height"]
    edge = max(width, height) / 80
    marks = Markup("").join(
        Markup(
            '<rect class="mark-box" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" stroke-width="{:.1f}"/>'
        ).format(x * width, y * height, w * width, h * height, edge)
        for x, y, w, h in boxes
    )
    size = (width * fit["pictures"], height)
    return _figure(name, size, (0, 0, width, height), marks, str(clip), media)


def _figure(
    name: str, size: tuple[int, int], view: tuple[int, int, int, int], over: Markup, label: str, media: Media
) -> Markup:
    """A part of a picture of `size`."""
    return Markup(
        '<figure class="evidence"><svg viewBox="{} {} {} {}" role="img" aria-label="{}">{}{}</svg></figure>'
    ).format(*view, label, media.drawn(name, *size), over)
