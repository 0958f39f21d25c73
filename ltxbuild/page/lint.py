"""lint.html: a contact sheet of the clips with what lint found. Judges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ltxbuild.page.document import data_url, render_page


def render_lint(findings: Any, captions: Mapping[str, str | None], media: Mapping[str, bytes]) -> bytes:
    """`media` maps `strip:NAME` to jpg; findings without a clip come first."""
    found: Sequence[Mapping[str, Any]] = findings["findings"] if isinstance(findings, dict) else findings
    clips: dict[str, list[Mapping[str, Any]]] = {name: [] for name in captions}
    general = []
    for finding in found:
        key = finding["where"].get("key")
        if key in clips:
            clips[key].append(finding)
        else:
            general.append(finding)
    strips = {name: data_url(data) for name, data in media.items() if name.startswith("strip:") and data}
    counts = {severity: sum(f["severity"] == severity for f in found) for severity in "EWI"}
    values = {"general": general, "clips": clips, "captions": captions, "strips": strips, "counts": counts}
    return render_page("lint.html", values)
