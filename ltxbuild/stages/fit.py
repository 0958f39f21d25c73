"""How a clip meets its bucket, as the pages show it. Knows no HTML and no video.

A fit is {"width", "height", "fps" of the clip as it is cropped; "pictures" in its strip; "seconds" of the whole file,
of which "start" to "end" are kept (all null for a still)}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltxbuild.job import JsonDict

PICTURES = 6
"""Pictures in a strip (ltxbuild.stages.media.strip, which loads a video library); a shorter clip has fewer."""


def fit_of(
    size: tuple[int, int], fps: float, probe: Mapping[str, Any], scan: Mapping[str, Any], start: float | None
) -> JsonDict | None:
    """The fit of a clip shown at `size` (width, height), of which `start` seconds are cut off; None if unreadable."""
    if probe["error"] or scan["error"]:
        return None
    still = probe["kind"] == "image"
    first = start or 0.0
    last = first + float(scan["duration"])
    return {
        "width": size[0],
        "height": size[1],
        "fps": fps,
        "pictures": min(PICTURES, int(scan["frames"])),
        "seconds": None if still else round(max(float(probe["duration"]), last), 4),
        "start": None if still else first,
        "end": None if still else round(last, 4),
    }
