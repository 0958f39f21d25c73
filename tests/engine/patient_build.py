"""A real build by real workers, to be interrupted or killed: `python -m tests.engine.patient_build ROOT STEPS DEAF`.

Exits with what the command would: 130 if it was interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ltxbuild.engine.action import Action
from ltxbuild.engine.build import build
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.workspace import Workspace
from ltxbuild.executors.local import LocalExecutor
from tests.engine.harness import Outside, Silent

NAMES = ("quick", "long")


def main(root: Path, steps: int, deaf: bool) -> int:
    """A quick action that is committed, and beside it a long one."""
    graph = Graph()
    for name in NAMES:
        params = {"name": name, "steps": steps if name == "long" else 1, "deaf": deaf}
        action = Action(name, "patient", 1, ("out",), params, context={"diary": str(root / "diary")})
        graph.add(action)
    space = Workspace(root, write=True)
    reporter = Silent()
    try:
        executor = LocalExecutor(2, "tests.engine.stages")
        outcome = build(graph, space, Outside(), NAMES, executor, reporter, BuildOptions())
    finally:
        space.close()
    print(sorted(reporter.states.items()), "ran", sorted(outcome.tally.ran), flush=True)
    return 130 if outcome.tally.interrupted else bool(outcome.tally.failed)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "deaf"))
