"""Turns an action into a task, watches it, and commits what it made. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ltxbuild.engine import files
from ltxbuild.engine.action import Action, Ref, Timeout, Value
from ltxbuild.engine.digests import Digests
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.fingerprint import FileInput, Resolved, Walk, walk
from ltxbuild.engine.graph import Graph, leaves
from ltxbuild.engine.state import Record
from ltxbuild.engine.task import Executor, Result, Task
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import Json, read_json

MOVED = "an input file changed while it was read; wait until it is copied"
VANISHED = "files of .ltxbuild vanished while it ran; let nothing else change that folder"


class Runner:
    """Executes actions of one build through an executor."""

    def __init__(
        self, graph: Graph, space: Workspace, executor: Executor, reporter: Reporter, digests: Digests
    ) -> None:
        self._graph, self._space, self._executor, self._reporter = graph, space, executor, reporter
        self._digests = digests

    def steady(self, action: Action, found: Walk) -> dict[str, list[int]] | None:
        """The stats of the action's files, None if they are not what the walk saw any more."""
        try:
            if walk(action, self._digests).fingerprint != found.fingerprint:
                return None
        except OSError:
            return None
        return self._space.stats.used(self._graph.sources([action.id]))

    def disturbance(self, action: Action, found: Walk, used: dict[str, list[int]], result: Result) -> str:
        """What makes the result of a run worth nothing, a failure included; empty if nothing does."""
        try:
            if used and (self._space.stats.moved(used) or self.steady(action, found) is None):
                return MOVED
        except OSError:
            return MOVED
        if result.kind == "failed" and not self._undisturbed(action, found):
            return VANISHED
        return ""

    def _undisturbed(self, action: Action, found: Walk) -> bool:
        digests = [self._digests.ref(x) for x in leaves(action.inputs) if isinstance(x, Ref) and not x.lazy]
        there = all(digest is not None and self._space.store.exists(digest) for digest in digests)
        return there and self._space.scratch(found.fingerprint).is_dir()

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
            self._limit(action.timeout),
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

    def commit(self, action: Action, found: Walk, seconds: float, made_with: str) -> Record:
        """Objects first, then the record; what a stage took long for survives a loss of power."""
        out = self._space.scratch(found.fingerprint)
        durable = seconds > 1
        outputs = {name: self._space.store.put(out / name, durable) for name in action.outputs}
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

    def _limit(self, timeout: Timeout | None) -> float | None:
        if timeout is None:
            return None
        if timeout.ref is None:
            return timeout.base
        digest = self._digests.ref(timeout.ref)
        if digest is None or not self._space.store.intact(digest):
            return None  # how long it may take is not known, and not worth another run of what could tell
        facts = read_json(self._space.store.path(digest))
        return min(timeout.most, timeout.base + timeout.factor * max(0.0, float(facts.get(timeout.key) or 0)))
