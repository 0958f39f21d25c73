"""The project of peers.py on ltxbuild's engine: what `make` is to a Makefile, this is to the folder that it runs in.

Like the product's command it answers from the stamp if it can, else predicts, and builds what is not up to date.
"""

from __future__ import annotations

import sys

from ltxbuild.engine import stamp

CALL = "benchmark"


def main() -> int:
    """Bring the folder up to date."""
    if "--no-stamp" not in sys.argv and stamp.holds(".", CALL):
        return 0
    return _build()


def _build() -> int:
    from pathlib import Path

    from ltxbuild.engine import files
    from ltxbuild.engine.build import build, predict
    from ltxbuild.engine.options import BuildOptions
    from ltxbuild.engine.workspace import FOLDER, Workspace

    root = Path()
    since = files.clock(root / FOLDER) if (root / FOLDER).is_dir() else 0
    graph = _graph(sorted(path.name for path in Path("src").iterdir()))
    space = Workspace(root, write=True)
    try:
        options, everything = BuildOptions(), tuple(graph.actions)
        prediction = predict(graph, space, _Outside(), everything, options)
        if not prediction.idle:
            outcome = build(
                graph, space, _Outside(), everything, _Copying(), _Quiet(), options, (), prediction
            )
            return 1 if outcome.tally.failed or outcome.tally.blocked else 0
        stamp.write(".", CALL, ["src"], [], since)
        return 0
    finally:
        space.close()


def _graph(names: list[str]):  # type: ignore[no-untyped-def]
    from ltxbuild.engine.action import Action, Ref, Source
    from ltxbuild.engine.graph import Graph

    graph = Graph()
    for name in names:
        given: Source | Ref = Source(f"src/{name}")
        for step in "abc":
            action = graph.add(
                Action(f"{name}.{step}", "copy", 1, ("out",), {"step": step}, {"given": given})
            )
            given = Ref(action.id, "out")
    graph.check()
    return graph


class _Copying:
    """Runs the same program as the other tools."""

    slots = {"light": 2}  # noqa: RUF012

    async def run(self, task, on_progress):  # type: ignore[no-untyped-def]
        import asyncio

        from ltxbuild.engine.task import Result

        given = task.inputs["group"]["given"]["file"]
        if "--in-process" in sys.argv:  # what a cold build was too slow for
            import shutil

            shutil.copyfile(given, task.out / "out")
            return Result("done")
        process = await asyncio.create_subprocess_exec("cp", given, str(task.out / "out"))
        return Result("done" if await process.wait() == 0 else "failed")

    def interrupt(self) -> None:
        """A copy is over at once."""

    kill = interrupt

    async def close(self) -> None:
        """Nothing stays open."""


class _Outside:
    """Nothing lies outside the folder."""

    def known(self, key: str) -> None:
        """Never asked."""

    resolve = known


class _Quiet:
    """Tells nothing."""

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        return lambda *_: None


if __name__ == "__main__":
    raise SystemExit(main())
