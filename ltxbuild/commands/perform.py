"""A build from prediction to the closing line. The verbs that build call this."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

from ltxbuild.commands.closing import closing_line, emit_done, exit_code, remember, say, shrink_store, tell
from ltxbuild.commands.delivery import deliver
from ltxbuild.commands.holding import from_cache, held_by_lint
from ltxbuild.commands.identity import PinnedIdentity
from ltxbuild.commands.options import options_of
from ltxbuild.commands.root_stamp import now, put_stamp
from ltxbuild.commands.running import announced, run_build, uses_base, with_machine
from ltxbuild.commands.session import Choice, Session, open_session
from ltxbuild.engine.build import Outcome
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.options import BuildOptions, Tally
from ltxbuild.problem import ProjectError
from ltxbuild.recipe.scope import DEFAULT


def dry_run(args: argparse.Namespace, choice: Choice) -> int:
    """Say what would run; take no lock, write nothing."""
    from ltxbuild.commands.status import show

    with open_session(choice, write=False) as session:
        targets, options = _wanted(args, session)
        return show(session.predict(targets, options), args.json, session.graph)


def perform(args: argparse.Namespace, choice: Choice, started: float, call: str | None = None) -> int:
    """Build, deliver, tell. Returns the exit code."""
    since = now(choice.root)
    with open_session(choice, write=True) as session:
        targets, options = _wanted(args, session)
        keep_schemas(choice.root)
        prediction = session.predict(targets, options)
        if prediction.idle and _damaged(session, prediction):
            # Now that the damaged objects are out of the store.
            prediction = session.predict(targets, options, prediction)
        if prediction.idle:
            return _idle(args, session, prediction, started, call, since)
        return _busy(args, session, targets, options, prediction, started)


def keep_schemas(root: Path) -> None:
    """What editors read for completion stands in .ltxbuild/, which a fresh clone does not have."""
    from ltxbuild.project.schema import write_schemas

    write_schemas(root)


def _wanted(args: argparse.Namespace, session: Session) -> tuple[tuple[str, ...], BuildOptions]:
    from ltxbuild.cli import VERBS

    try:
        targets = session.graph.resolve(args.targets or [DEFAULT])
        force = frozenset(session.graph.resolve(args.force))
    except ProjectError as error:
        raise _with_verbs(error, [*args.targets, *args.force], list(VERBS)) from None
    return targets, options_of(args, force)


def _with_verbs(error: ProjectError, words: list[str], verbs: list[str]) -> ProjectError:
    """A mistyped command looks like a target: suggest the command if it is nearer."""
    import difflib

    close = [m for word in words for m in difflib.get_close_matches(word, verbs, n=1)]
    if not close or "did you mean" in error.problems[0].hint:
        return error
    return ProjectError([replace(error.problems[0], hint=f"did you mean `ltxbuild {close[0]}`?")])


def _damaged(session: Session, prediction: Prediction) -> bool:
    """Whether an object that has to be copied into build/ turned out to be damaged."""
    from ltxbuild.engine.deliver import Delivery

    delivery = Delivery.into(session.space, session.build_folder, say)
    wanted = []
    for item in session.graph.deliverables:
        forecast = prediction.forecasts.get(item.ref.action)
        if forecast is not None and forecast.record is not None:
            key = forecast.record.outputs[item.ref.output]
            wanted += [] if delivery.current(item.path, key) else [key]
    # A list and not a generator: every damaged object leaves the store, not only the first.
    sound = [session.space.store.intact(key) for key in wanted]
    return not all(sound)


def _idle(
    args: argparse.Namespace,
    session: Session,
    prediction: Prediction,
    started: float,
    call: str | None,
    since: int,
) -> int:
    records = {name: f.record for name, f in prediction.forecasts.items() if f.record is not None}
    for name, forecast in prediction.forecasts.items():
        session.space.state.add_walk(name, forecast.walk)
    done = deliver(session, records, say, args.frozen)
    seconds, tally = time.monotonic() - started, Tally(reused=list(records))
    if done.written:
        remember(session, tally, records, seconds)
    if args.json:
        emit_done(tally, done, seconds, session)
    else:
        print(closing_line(session, tally, done, seconds))
    if call is not None and not args.frozen:
        put_stamp(session, call, since)
    return exit_code(args, session, records, tally, done)


def _busy(
    args: argparse.Namespace,
    session: Session,
    targets: tuple[str, ...],
    options: BuildOptions,
    prediction: Prediction,
    started: float,
) -> int:
    if uses_base(session, prediction):
        if not session.identity.here:
            pinned = replace(session, identity=PinnedIdentity(session.project))
            shared = from_cache(args, pinned, targets, options)
            if shared is not None:
                return _finish(args, pinned, shared, started)
        # With -k whatever can be built is built, but no base of many gigabytes is fetched for a refused dataset.
        if not (args.keep_going and session.identity.here):
            held = held_by_lint(args, session, options, prediction)
            if held is not None:
                return _finish(args, session, held, started)
        for words in announced(session):
            say(words)
        session = with_machine(session)
    return _finish(args, session, run_build(args, session, targets, options, prediction), started)


def _finish(args: argparse.Namespace, session: Session, outcome: Outcome, started: float) -> int:
    done = deliver(session, outcome.records, say, args.frozen)
    seconds = time.monotonic() - started
    if outcome.tally.eventful or done.written:
        remember(session, outcome.tally, outcome.records, seconds)
        shrink_store(session)
    if args.json:
        emit_done(outcome.tally, done, seconds, session)
    else:
        tell(session, outcome.tally, outcome.records)
        print(closing_line(session, outcome.tally, done, seconds))
    return exit_code(args, session, outcome.records, outcome.tally, done)
