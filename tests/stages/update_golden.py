"""Rewrites golden.json: `python -m tests.stages.update_golden [--anyway] [STAGE ...]`, all stages if none is named.

A changed summary under an unchanged version is refused, for that is what the file is there for; `--anyway` is for
when a case or a library changed and not the stage.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ltxbuild.stages import STAGES
from tests.stages import golden


def main(arguments: list[str]) -> int:
    """Make the named entries anew; 1 if one was refused."""
    anyway = "--anyway" in arguments
    entries = golden.load()
    refused = 0
    for name in [a for a in arguments if a != "--anyway"] or list(STAGES):
        with tempfile.TemporaryDirectory() as folder:
            entry = {"version": STAGES[name].version, "summary": golden.make(name, Path(folder))}
        old = entries.get(name, {"version": 0, "summary": {}})
        changes = golden.differences(name, old["summary"], entry["summary"])
        if changes and old["version"] == entry["version"] and not anyway:
            print(
                f"{name}: {changes[0]} (and {len(changes) - 1} more): raise its version first",
                file=sys.stderr,
            )
            refused += 1
        elif changes or old["version"] != entry["version"]:
            entries[name] = entry
            print(f"{name}: version {entry['version']}")
    golden.store({name: entry for name, entry in entries.items() if name in STAGES})
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
