"""The picture that belongs to a finding: the frames around its moment, the place in the picture, the other clip.

Knows what findings hold as evidence, no rule: a time, "boxes" [left, top, width, height] in shares of the
picture, the number of a "picture" in the strip, the "other" clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ltxbuild.page.media import Media

Clips = Mapping[str, Mapping[str, Any]]
Boxes = Sequence[Sequence[float]]

PICTURE = 130  # pixels of the page that one picture takes, where there is room


def picture_of(finding: Mapping[str, Any], clip: str | None, clips: Clips, media: Media) -> Markup:
    """What shows the finding, or nothing; `clips` have "fit" and "moments" as `lint_clip` writes them."""
    evidence = finding.get("evidence") or {}
    time, other = (finding.get("where") or {}).get("time"), evidence.get("other")
    boxes = evidence.get("boxes") or []
    if clip and time is not None:
        shown = _moment(clip, float(time), boxes, clips, media)
        if shown:
            return shown
    if boxes or "picture" in evidence:
        return _still(clip or other, int(evidence.get("picture") or 0), boxes, clips, media)
    # Of two captions that are too alike the words are the evidence.
    if other and media.has(f"strip:{other}") and str(finding["where"]["file"]).startswith("clips/"):
        return Markup('<figure class="evidence">{}<figcaption>{}</figcaption></figure>').format(
            media.picture(f"strip:{other}", f"frames of {other}"), other
        )
    return Markup("")


def _moment(clip: str, time: float, boxes: Boxes, clips: Clips, media: Media) -> Markup:
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
    places = [(start + i) * width for i in range(moment["pictures"])]
    whole = sum(moment["pictures"] for moment in found["shown"])
    drawn = media.drawn(name, width * whole, height) + _marks(boxes, places, width, height)
    return _figure(drawn, (places[0], width * len(places), height), len(places), f"{clip} at {time:.2f} s")


def _still(clip: str | None, number: int, boxes: Boxes, clips: Clips, media: Media) -> Markup:
    """The places on one picture of the clip's strip."""
    name = f"strip:{clip}"
    fit = clips.get(str(clip), {}).get("fit")
    if not fit or not media.has(name):
        return Markup("")
    width, height = fit["width"], fit["height"]
    left = width * min(number, fit["pictures"] - 1)
    drawn = media.drawn(name, width * fit["pictures"], height) + _marks(boxes, [left], width, height)
    return _figure(drawn, (left, width, height), 1, str(clip))


def _marks(boxes: Boxes, places: Sequence[int], width: int, height: int) -> Markup:
    mark = Markup(
        '<rect class="mark-box" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" stroke-width="{:.1f}"/>'
    )
    edge = max(width, height) / 80
    return Markup("").join(
        mark.format(place + x * width, y * height, w * width, h * height, edge)
        for place in places
        for x, y, w, h in boxes
    )


def _figure(drawn: Markup, part: tuple[int, int, int], pictures: int, label: str) -> Markup:
    """`part` of what is drawn: from the left, width and height."""
    left, width, height = part
    return Markup(
        '<figure class="evidence"><svg width="{}" viewBox="{} 0 {} {}" role="img" aria-label="{}">{}</svg></figure>'
    ).format(PICTURE * pictures, left, width, height, label, drawn)
