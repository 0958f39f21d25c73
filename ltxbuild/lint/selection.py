"""Which findings count and how severely, by the settings; knows no rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ltxbuild.job import JsonDict

ALL = "ALL"


def matches(finding: Mapping[str, Any], names: Iterable[str]) -> int:
    """Length of the longest of `names` that selects the finding, 0 for none; a code, its beginning, a name,
    ALL.
    """
    code, readable = str(finding["code"]), str(finding["name"])
    lengths = [0]
    for name in names:
        if name == ALL:
            lengths.append(1)
        elif name == readable:
            lengths.append(len(code))
        elif name and code.startswith(name.upper()):
            lengths.append(1 + len(name))
    return max(lengths)


def select(
    findings: Iterable[JsonDict],
    chosen: Sequence[str],
    ignored: Sequence[str],
    severities: Mapping[str, str],
) -> list[JsonDict]:
    """The findings that are selected and not ignored, with overridden severities, in a stable order.

    The more exact name wins, as `select = ["PIX101"], ignore = ["PIX"]` keeps PIX101; equal ones are ignored.
    """
    kept = []
    for finding in findings:
        wanted = matches(finding, chosen or (ALL,))
        if wanted and wanted > matches(finding, ignored):
            kept.append(_weigh(finding, severities))
    return sorted(kept, key=_order)


def _weigh(finding: JsonDict, severities: Mapping[str, str]) -> JsonDict:
    best = max(severities, key=lambda name: matches(finding, (name,)), default="")
    if best and matches(finding, (best,)):
        return {**finding, "severity": severities[best]}
    return finding


def _order(finding: Mapping[str, Any]) -> tuple[int, str, str, str, float, str]:
    where = finding["where"]
    severity = "EWI".index(finding["severity"])
    time = -1.0 if where["time"] is None else float(where["time"])
    return severity, finding["code"], str(where["file"]), str(where["key"] or ""), time, finding["message"]
