"""Render lint findings as a contact sheet. Knows findings and strips, no rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ltxbuild.page import buckets
from ltxbuild.page.evidence import picture_of
from ltxbuild.page.media import LIMIT, Media, label_id
from ltxbuild.page.report import Page, clip_of
from ltxbuild.page.shell import fill


def render_lint(
    findings: Sequence[Mapping[str, Any]],
    captions: Mapping[str, str | None],
    media: Mapping[str, bytes],
    name: str,
    fits: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    limit: int = LIMIT,
) -> Page:
    """One card a clip, worst first, with its strip ("strip:<name>" in `media`) and findings; the set's above.

    `fits`: by clip {"fit", "bucket", "moments"} as `lint_clip` writes them: the first two are drawn over the strip, the
    third says what "moments:<name>" shows.
    """
    store = Media(media, limit)
    clips: dict[str, list[Mapping[str, Any]]] = {clip: [] for clip in captions}
    general: list[Mapping[str, Any]] = []
    for finding in findings:
        clip = clip_of(finding)
        (clips.setdefault(clip, []) if clip else general).append(finding)
    order = sorted(clips, key=lambda clip: (_worst(clips[clip]), clip))
    cards = [
        {
            "fit": None,
            "bucket": None,
            **(fits or {}).get(clip, {}),
            "name": clip,
            "caption": captions.get(clip),
        }
        | {"findings": clips[clip]}
        for clip in order
    ]
    values = {
        "name": name,
        "general": general,
        "clips": cards,
        "buckets": buckets,
        "bucket_rows": buckets.table(cards),
        "evidence": lambda finding: picture_of(finding, clip_of(finding), fits or {}, store),
        "counts": {s: sum(f["severity"] == s for f in findings) for s in "EWI"},
        "media": store,
        "anchor": label_id,
    }
    return Page(fill("lint.html", values, beside=store.beside), store.files)


def _worst(findings: Sequence[Mapping[str, Any]]) -> int:
    return min(("EWI".index(finding["severity"]) for finding in findings), default=3)
