"""What a build would do, without doing it: run, maybe or fresh, with reasons. Writes nothing and starts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Protocol

from ltxbuild.engine.action import Action, External, Ref, Source
from ltxbuild.engine.fingerprint import Bags, Walk, walk
from ltxbuild.engine.forecast import Forecast, Prediction
from ltxbuild.engine.graph import Graph, Sheaf
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.reasons import Reason, differences, waiting
from ltxbuild.engine.statcache import StatCache
from ltxbuild.engine.state import Record, State
from ltxbuild.engine.store import Store
from ltxbuild.job import dump_json


class Externals(Protocol):
    """Digests of things outside the project."""

    def known(self, key: str) -> str | None:
        """The digest if it can be told without reading the thing itself."""

    def resolve(self, key: str) -> str:
        """The digest, however long it takes. Raises ProjectError."""


def find_record(state: State, action: Action, found: Walk, options: BuildOptions) -> Record | None:
    """The record of a walk. Of a lenient stage one by an older version counts too, if it has all outputs."""
    record = state.records.get(found.fingerprint)
    if record is not None and _counts(record, action, options):
        return record
    if action.stage in options.lenient and found.known:
        older = state.older(found.free)
        if older is not None and older.version < found.version and _counts(older, action, options):
            return older
    return None


def _counts(record: Record, action: Action, options: BuildOptions) -> bool:
    if options.strict and record.made_with != options.made_with:
        return False
    return all(output in record.outputs for output in action.outputs)


class Needs:
    """Outputs that are read by something that may run, and those for which that is certain."""

    def __init__(self, delivered: Iterable[Ref]) -> None:
        self.possible = set(delivered)
        self.certain = set(self.possible)
        self._added: set[tuple[int, bool]] = set()

    def add(self, sheaf: Sheaf, runs: bool) -> None:
        """What an action needs that `runs` or may run."""
        if (id(sheaf), runs) not in self._added:
            self._added.add((id(sheaf), runs))
            self.add_refs(sheaf.refs, runs)

    def add_refs(self, refs: Collection[Ref], runs: bool) -> None:
        """The same for references that nothing else reads together."""
        self.possible.update(refs)
        if runs:
            self.certain.update(refs)

    def may(self, action: str, output: str) -> bool:
        """Whether the output may be needed, as a lazy input or not."""
        # Plain tuples are equal to references and three times faster to make: this is asked for every output there is.
        return (action, output, False) in self.possible or (action, output, True) in self.possible


class Predictor:
    """One prediction over a graph."""

    def __init__(
        self,
        graph: Graph,
        state: State,
        store: Store,
        stats: StatCache,
        externals: Externals,
        options: BuildOptions,
        known: Prediction | None = None,
    ) -> None:
        self._graph, self._state, self._store = graph, state, store
        self._stats, self._externals, self._options = stats, externals, options
        self._known = {} if known is None else known.forecasts
        self._found: dict[str, Forecast] = {}
        self._outside: dict[str, str | None] = {}
        self._files: dict[str, str | None] = {}
        self._bags: Bags = {}
        # By sheaf: that some producers are not fresh, and whether all are as the earlier prediction found them.
        self._unready: dict[int, Reason | None] = {}
        self._same: dict[int, bool] = {}
        self._equal: Counter[str] | None = None

    def ref(self, ref: Ref) -> str | None:
        """Digest of an output, None while its action would run."""
        forecast = self._found[ref.action]
        return forecast.record.outputs[ref.output] if forecast.state == "fresh" and forecast.record else None

    def source(self, source: Source) -> str | None:
        """Digest of a user's file; a file that cannot be read is found out by the build."""
        if source.path not in self._files:
            try:
                self._files[source.path] = self._stats.digest(source.path)
            except OSError:
                self._files[source.path] = None
        return self._files[source.path]

    def external(self, external: External) -> str | None:
        """Digest if known."""
        if external.key not in self._outside:
            self._outside[external.key] = self._externals.known(external.key)
        return self._outside[external.key]

    def predict(self, targets: Iterable[str], delivered: Iterable[Ref]) -> Prediction:
        """The forecasts for `targets`, with the outputs in `delivered` needed in full."""
        wanted = tuple(targets)
        closure = self._graph.closure(wanted)
        for name in closure:
            self._found[name] = self._kept(name) or self._forecast(self._graph.actions[name])
        return Prediction(self._demanded(wanted, closure, Needs(delivered)))

    def _kept(self, name: str) -> Forecast | None:
        """What the earlier prediction found up to date, if neither its record nor a producer's was replaced since."""
        forecast = self._known.get(name)
        if forecast is None or forecast.state != "fresh" or forecast.record is None:
            return None
        replaced = self._state.records.get(forecast.record.fingerprint) is not forecast.record
        outdated = forecast.record.version < forecast.walk.version  # meanwhile there may be a newer one
        if replaced or outdated:
            return None
        return forecast if all(self._unchanged(sheaf) for sheaf in self._graph.sheaves_of[name]) else None

    def _unchanged(self, sheaf: Sheaf) -> bool:
        if id(sheaf) not in self._same:
            self._same[id(sheaf)] = all(self._found[one] is self._known.get(one) for one in sheaf.producers)
        return self._same[id(sheaf)]

    def _forecast(self, action: Action) -> Forecast:
        found = walk(action, self, self._bags)
        if not found.known:
            return Forecast(action.id, "maybe", self._waits(action, found), "", None)
        record = find_record(self._state, action, found, self._options)
        if action.id in self._options.force:
            return Forecast(action.id, "run", (Reason("forced", action.id),), found.fingerprint, record)
        if record is None:
            # With nothing different, --strict did not take the record, or it is gone.
            reasons = differences(action, self._state.last_walk(action.id), found)
            reasons = reasons or (Reason("uncounted", action.id),)
            return Forecast(action.id, "run", reasons, found.fingerprint, None)
        # What the action was made from is written down already, unless the record is another action's.
        known = self._state.walked(action.id) == found.fingerprint == record.fingerprint
        fingerprint = record.fingerprint if known else found.fingerprint  # the same string, once
        return Forecast(action.id, "fresh", (), fingerprint, record, None if known else found)

    def _waits(self, action: Action, found: Walk) -> tuple[Reason, ...]:
        reasons = [
            reason
            for sheaf in self._graph.sheaves_of[action.id]
            if (reason := self._waits_for(sheaf)) is not None
        ]
        reasons += [Reason("unknown", action.label(e.key) or f"{e.key} of the base") for e in found.unknown]
        return tuple(reasons) or (Reason("waits", "an input file"),)

    def _waits_for(self, sheaf: Sheaf) -> Reason | None:
        if id(sheaf) not in self._unready:
            unready = tuple(one for one in sheaf.producers if self._found[one].state != "fresh")
            self._unready[id(sheaf)] = waiting(unready) if unready else None
        return self._unready[id(sheaf)]

    def _demanded(
        self, wanted: tuple[str, ...], closure: tuple[str, ...], needs: Needs
    ) -> dict[str, Forecast]:
        # From the targets upwards. `sure` says that a build asks for the action at all; guards and lost outputs of
        # something that only may run are themselves only a maybe.
        sure = dict.fromkeys(wanted, True)
        passed: set[tuple[int, bool]] = set()
        result: dict[str, Forecast] = {}
        for name in reversed(closure):
            if name not in sure:
                continue
            forecast = self._with_losses(self._found[name], needs)
            if forecast.state == "run" and not sure[name]:
                forecast = replace(forecast, state="maybe")
            result[name] = forecast
            runs = sure[name] and forecast.state == "run"
            for sheaf in self._graph.sheaves_of[name]:
                if (id(sheaf), sure[name]) not in passed:
                    passed.add((id(sheaf), sure[name]))
                    for producer in sheaf.producers:
                        sure[producer] = sure.get(producer, False) or sure[name]
            if forecast.state != "fresh":
                guards = self._graph.actions[name].guards
                asks = runs and bool(guards) and self._alone(forecast)
                for guard in guards:
                    sure[guard.ref.action] = sure.get(guard.ref.action, False) or asks
                needs.add_refs([guard.ref for guard in guards], asks)
                for sheaf in self._graph.sheaves_of[name]:
                    needs.add(sheaf, forecast.state == "run")
        return {name: result[name] for name in closure if name in result}

    def _alone(self, forecast: Forecast) -> bool:
        """Whether no other action can be the same: of two only the first is executed, and asks its guards."""
        if self._equal is None:
            waiting = [f for f in self._found.values() if f.state != "fresh"]
            self._equal = Counter(f.fingerprint or self._kind(f.action) for f in waiting)
        return self._equal[forecast.fingerprint] < 2 and not self._equal[self._kind(forecast.action)]

    def _kind(self, name: str) -> str:
        """What two actions have in common that may turn out to be the same once their inputs are known."""
        action = self._graph.actions[name]
        return f"{action.stage} {action.version} {dump_json(action.params).decode()}"

    def _with_losses(self, forecast: Forecast, needs: Needs) -> Forecast:
        if forecast.state != "fresh" or forecast.record is None:
            return forecast
        lost = [
            Ref(forecast.action, output)
            for output, key in forecast.record.outputs.items()
            if needs.may(forecast.action, output) and not self._store.exists(key)
        ]
        if not lost:
            return forecast
        certain = not needs.certain.isdisjoint(lost)
        reasons = tuple(Reason("lost", f"{ref.output} of {forecast.action}") for ref in lost)
        return replace(forecast, state="run" if certain else "maybe", reasons=reasons)
