"""Which reporter a call gets. Imports rich only for a terminal."""

from __future__ import annotations

import os
import sys

from ltxbuild.engine.events import Reporter


def choose(as_json: bool) -> Reporter:
    """JSON lines if asked for, a live display on a terminal, plain lines elsewhere."""
    if as_json:
        from ltxbuild.console.json_lines import JsonLines

        return JsonLines()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from ltxbuild.console.live import LiveDisplay

        return LiveDisplay()
    from ltxbuild.console.plain import Plain

    return Plain()
