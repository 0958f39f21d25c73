"""Lint's answer after a change: the worst findings, in short. Judges nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ltxbuild.commands.lint import counted, line_of, worst_first
from ltxbuild.commands.session import Session
from ltxbuild.console.json_lines import emit
from ltxbuild.engine.state import Record

if TYPE_CHECKING:
    from ltxbuild.commands.lookout import Lookout

SHOWN = 10


def tell_findings(lookout: Lookout, session: Session, record: Record) -> None:
    """Print the findings, or that they are as before."""
    found: list[dict[str, Any]] = session.output(record, "findings.json")
    if lookout.as_json:
        for finding in worst_first(found):
            emit("finding", **finding)
        emit("linted", **{kind: sum(f["severity"] == kind[0] for f in found) for kind in "EWI"})
        return
    lines = [line_of(session, finding) for finding in worst_first(found)]
    if lines == lookout.shown:
        print(f"lint: as before, {counted(found)}", file=sys.stderr, flush=True)
        return
    for line in lines[:SHOWN]:
        print(line)
    sys.stdout.flush()
    more = f", {len(lines) - SHOWN} not shown (`ltxbuild lint`)" if len(lines) > SHOWN else ""
    print(f"lint: {counted(found)}{more}", file=sys.stderr, flush=True)
    lookout.shown = lines


def allows(session: Session, record: Record) -> bool:
    """Whether lint lets training start."""
    return bool(session.output(record, "ok.json")["ok"])
