"""Turns an action into a task, watches it, and commits what it made. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ltxbuild.engine import files
from ltxbuild.engine.action import Action, Ref, Timeout, Value
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.fingerprint import FileInput, Resolved, Walk
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.state import Record
from ltxbuild.engine.task import Executor, Result, Task
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import Json, read_json


class Runner:
    """Executes actions of one build through an executor."""

    def __init__(self, graph: Graph, space: Workspace, executor: Executor, reporter: Reporter) -> None:
        self._graph, self._space, self._executor, self._reporter = graph, space, executor, reporter

    async def execute(self, action: Action, found: Walk) -> Result:
        """Run the action; every declared output must be there at the end."""
        out = self._space.scratch(found.fingerprint)
        files.remove_tree(out)
        files.make_folder(out)
        files.make_folder(self._space.log(action.id).parent)
        task = Task(
            action.id,
            found.fingerprint,
            action.stage,
            action.worker,
            action.params,
            action.context,
            self._encode(found.inputs),
            out,
            self._space.partial(found.fingerprint),
            self._space.log(action.id),
            self._limit(action.timeout, found),
        )

        def on_progress(done: float, total: float, unit: str, figures: Mapping[str, float]) -> None:
            self._reporter.progress(action.id, done, total, unit, figures)

        result = await self._executor.run(task, on_progress)
        if result.kind == "done":
            missing = [name for name in action.outputs if not (out / name).is_file()]
            if missing:
                return Result(
                    "failed", f"the stage {action.stage} did not write {', '.join(missing)}", bug=True
                )
        return result

    def commit(self, found: Walk, seconds: float, made_with: str) -> Record:
        """Objects first, then the record; what a stage took long for survives a loss of power."""
        out = self._space.scratch(found.fingerprint)
        durable = seconds > 1
        outputs = {file.name: self._space.store.put(file, durable) for file in sorted(out.iterdir())}
        record = Record(
            found.fingerprint, found.free, found.stage, found.version, outputs, round(seconds, 3), made_with
        )
        self._space.state.add_record(record)
        if durable:
            self._space.state.sync()
        files.remove_tree(out)
        files.remove_tree(self._space.partial(found.fingerprint))
        return record

    def _encode(self, node: Resolved) -> Json:
        if isinstance(node, FileInput):
            return {"file": str(self._path(node)), "digest": node.digest}
        if isinstance(node, Value):
            return {"value": node.value}
        if node is None:
            return {"value": None}
        if isinstance(node, list):
            return [self._encode(member) for member in node]
        return {"group": {name: self._encode(child) for name, child in node.items()}}

    def _path(self, node: FileInput) -> Path:
        if isinstance(node.origin, Ref):
            return self._space.store.path(node.digest)
        return self._space.root / node.origin.path

    def _limit(self, timeout: Timeout | None, found: Walk) -> float | None:
        if timeout is None:
            return None
        if timeout.ref is None:
            return timeout.base
        digests = [
            x.digest for x in found.inputs.values() if isinstance(x, FileInput) and x.origin == timeout.ref
        ]
        if not digests or not self._space.store.exists(digests[0]):
            return timeout.base
        return timeout.base + timeout.factor * float(
            read_json(self._space.store.path(digests[0])).get(timeout.key) or 0
        )
