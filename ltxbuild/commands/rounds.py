"""One round of a watch: light work at once, heavy work as far as it may start. Waits for nothing but what it builds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ltxbuild.commands.attend import Attendance, unshared
from ltxbuild.commands.closing import closing_line, emit_done, remember, shrink_store, tell
from ltxbuild.commands.delivery import Delivered, deliver, media_refs
from ltxbuild.commands.early import Early
from ltxbuild.commands.findings import allows, tell_findings
from ltxbuild.commands.lookout import Lookout, Rest
from ltxbuild.commands.perform import keep_schemas
from ltxbuild.commands.running import announced, with_machine
from ltxbuild.commands.session import Session, open_session
from ltxbuild.commands.spending import Refusal, refusal
from ltxbuild.console.choose import choose
from ltxbuild.engine.estimate import foreseen
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.options import Tally
from ltxbuild.engine.state import Record
from ltxbuild.engine.watch.heavy import asks_for_heavy, light_part, steps
from ltxbuild.problem import ProjectError
from ltxbuild.recipe.findings import LINT

# What may start at each level; `quiet` is fast training on a base that needs a GPU, `enter` quality on one.
MAY_START = {
    "light": frozenset({"now"}),
    "quiet": frozenset({"now", "quiet"}),
    "enter": frozenset({"now", "quiet", "enter"}),
}
LOCKED = "B120"
RETRY = 1.0
LEAVE = "q or Ctrl-C leaves"
AGAIN = Rest("again", "")


def round_of(lookout: Lookout, level: str) -> Rest:
    """Build what may be built now; what is waited for afterwards. Problems of the project are told, not raised."""
    try:
        with open_session(lookout.choice, write=True, left_out=lookout.left_out) as session:
            rest = Round(lookout, session, level).run()
        lookout.voice.readable()
        return rest
    except ProjectError as error:
        if error.problems[0].code == LOCKED:
            return Rest("lock", f"{error.problems[0].message}: looking again when it is done", level, RETRY)
        lookout.voice.problems(error)
        return Rest("project", f"watching: a save that mends this is built ({LEAVE})")
    except FileNotFoundError as error:
        if not lookout.holds(error.filename):
            raise
        return Rest("gone", f"{error.filename} went away while it was used", level, RETRY)


class Round:
    """The work of one round in an open session."""

    def __init__(self, lookout: Lookout, session: Session, level: str) -> None:
        self._lookout, self._session, self._level = lookout, session, level
        self._started = time.monotonic()
        self._requested = lookout.requested(session)
        self._light_ids = light_part(session.graph, self._requested)
        self._tally = Tally()
        self._records: dict[str, Record] = {}
        self._changed = False
        self._lints = True

    def run(self) -> Rest:
        """Light work, then heavy work."""
        keep_schemas(self._lookout.choice.root)
        if not self._light():
            return AGAIN
        if self._lookout.left_out:
            self._finish(complete=False)
            return Rest("copying", "watching: clips are still being copied")
        prediction = self._predict(self._requested)
        if not asks_for_heavy(self._session.graph, prediction):
            if not prediction.idle and not self._build(self._requested, prediction, heavy=False):
                return AGAIN
            return self._end()
        return self._heavy()

    def _predict(self, targets: Sequence[str]) -> Prediction:
        return self._session.predict(tuple(targets), self._lookout.options)

    def _light(self) -> bool:
        """Lint first, because somebody waits for it; False if a change came in between."""
        if LINT in self._light_ids:
            # Once it is known here, what an edit makes new is a matter of milliseconds.
            session = self._session
            self._session = unshared(session) if self._lookout.linted else session
            done = self._build((LINT,), None, heavy=False)
            self._session, self._lookout.linted = session, True
            if not done:
                return False
            record = self._records.get(LINT)
            self._lints = record is not None and allows(self._session, record)
            if record is not None:
                tell_findings(self._lookout, self._session, record)
        prediction = self._predict(self._light_ids)
        stale = [name for name, forecast in prediction.forecasts.items() if forecast.state != "fresh"]
        return not stale or self._build(stale, prediction, heavy=False)

    def _build(self, targets: Sequence[str], prediction: Prediction | None, heavy: bool) -> bool:
        """Build; False if what was built is not what is wanted now."""
        reporter = choose(self._lookout.as_json)
        known = prediction.forecasts if prediction is not None else {}
        extra = [ref for ref in media_refs(self._session).values() if ref.action in known]
        try:
            if heavy and prediction is not None:
                self._foresee(reporter, prediction)
            told = Early(reporter, self._session)
            attendance = Attendance(self._lookout, self._session, told, heavy)
            done = self._lookout.run(attendance.run(targets, extra))
        finally:
            reporter.close()
        self._merge(done.outcome.tally)
        self._records |= done.outcome.records
        self._changed = done.changed
        return not done.changed and self._lookout.leaving is None

    def _foresee(self, reporter: Reporter, prediction: Prediction) -> None:
        reporter.started(*(len(prediction.of(state)) for state in ("run", "maybe", "fresh")))
        records = self._session.space.state.records.values()
        slots = self._lookout.executor.slots
        reporter.foresee(foreseen(self._session.graph, prediction, records, slots))

    def _merge(self, tally: Tally) -> None:
        mine = self._tally
        mine.ran += tally.ran
        mine.reused = list(dict.fromkeys([*mine.reused, *(n for n in tally.reused if n not in mine.ran)]))
        mine.failed |= tally.failed
        mine.blocked |= tally.blocked
        mine.passed_gates += tally.passed_gates
        mine.interrupted = mine.interrupted or tally.interrupted

    def _heavy(self) -> Rest:
        for targets, when in self._steps():
            prediction = self._predict(targets)
            if not asks_for_heavy(self._session.graph, prediction):
                continue
            if not self._lints:
                self._finish(complete=False)
                return Rest("lint", f"watching: training waits until lint has no errors ({LEAVE})")
            if self._tally.failed:
                break
            if when not in MAY_START[self._level]:
                self._finish(complete=False)
                return self._waiting(when)
            refused = None if when == "now" else refusal(self._session, prediction)
            if refused is not None and (refused.known or self._level != "enter"):
                self._finish(complete=False)
                return self._too_dear(refused)
            if not self._train(targets):
                if not self._changed:
                    self._finish(complete=True)
                return AGAIN
            if self._tally.failed or self._tally.blocked:
                break
        return self._end()

    def _too_dear(self, refused: Refusal) -> Rest:
        if refused.known:
            return Rest("cost", f"watching: training does not start: {refused.words} ({LEAVE})")
        how = "Enter starts it" if self._lookout.keys.there else "`ltxbuild` starts it"
        return Rest("cost", f"watching: training waits: {refused.words}; {how} ({LEAVE})", "enter")

    def _end(self) -> Rest:
        self._finish(complete=True)
        if self._tally.failed:
            again = "a change or Enter" if self._lookout.keys.there else "a change"
            return Rest("failed", f"watching: what failed is tried again after {again} ({LEAVE})")
        return Rest("nothing", f"watching for changes ({LEAVE})")

    def _steps(self) -> list[tuple[tuple[str, ...], str]]:
        """What heavy work is for, in order, with what starts it."""
        if not self._session.project.base.card.needs_gpu:
            return [(self._requested, "now")]
        return steps(self._session.graph, self._requested, "gate")

    def _waiting(self, when: str) -> Rest:
        keys = self._lookout.keys.there
        if when == "enter":
            how = "on Enter" if keys else "with `ltxbuild`, there is no terminal here"
            return Rest(
                "enter", f"watching: the quality run starts {how} ({LEAVE})", "enter" if keys else "light"
            )
        settle = float(self._session.project.settings.get("watch.settle"))
        now = ", Enter starts it now" if keys else ""
        words = f"watching: training starts after {settle:g} s without a change{now} ({LEAVE})"
        return Rest("quiet", words, "quiet", settle)

    def _train(self, targets: Sequence[str]) -> bool:
        for words in announced(self._session):
            self._lookout.voice.note(words)
        self._session = with_machine(self._session)
        reporter = choose(self._lookout.as_json)
        try:
            self._session.identity.read(reporter)
        finally:
            reporter.close()
        return self._build(targets, self._predict(targets), heavy=True)

    def _finish(self, complete: bool) -> None:
        """Deliver what is up to date and say what was done."""
        session, records = self._session, dict(self._records)
        for name, forecast in self._predict(self._requested).forecasts.items():
            if forecast.state == "fresh" and forecast.record is not None:
                records[name] = forecast.record
                session.space.state.add_walk(name, forecast.walk)
        done = deliver(session, records, self._lookout.voice.note, False)
        seconds = time.monotonic() - self._started
        # The history is of LoRAs: a lint after each save would push them out of it.
        complete = complete and not set(self._requested) <= set(self._light_ids)
        if complete and (self._tally.eventful or done.written):
            remember(session, self._tally, records, seconds)
            shrink_store(session)
        self._tell(records, done, seconds)

    def _tell(self, records: dict[str, Any], done: Delivered, seconds: float) -> None:
        if self._lookout.as_json:
            emit_done(self._tally, done, seconds, self._session)
            return
        if self._tally.eventful:
            tell(self._session, self._tally, records)
        print(closing_line(self._session, self._tally, done, seconds), flush=True)
