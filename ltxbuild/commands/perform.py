"""A build from prediction to the closing line. The verbs that build call this."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from ltxbuild.commands.closing import closing_line, emit_done, exit_code, remember, tell
from ltxbuild.commands.delivery import deliver, media_refs
from ltxbuild.commands.options import options_of
from ltxbuild.commands.session import Choice, PinnedIdentity, Session, open_session, refuse_control
from ltxbuild.engine import files, stamp
from ltxbuild.engine.build import Outcome, build
from ltxbuild.engine.options import BuildOptions, Tally
from ltxbuild.engine.predict import Prediction
from ltxbuild.engine.state import Record
from ltxbuild.engine.workspace import FOLDER
from ltxbuild.problem import ProjectError
from ltxbuild.project.pins import LOCK
from ltxbuild.project.setting import bytes_of
from ltxbuild.recipe.findings import LINT
from ltxbuild.recipe.scope import DEFAULT


def dry_run(args: argparse.Namespace, choice: Choice) -> int:
    """Say what would run; take no lock, write nothing."""
    from ltxbuild.commands.status import show

    with open_session(choice, write=False) as session:
        refuse_control(session.project)
        targets, options = _wanted(args, session)
        return show(session.predict(targets, options), args.json, session.graph)


def perform(args: argparse.Namespace, choice: Choice, started: float, call: str | None = None) -> int:
    """Build, deliver, tell. Returns the exit code."""
    since = _now(choice.root)
    with open_session(choice, write=True) as session:
        refuse_control(session.project)
        targets, options = _wanted(args, session)
        keep_schemas(choice.root)
        prediction = session.predict(targets, options)
        if prediction.idle and _damaged(session, prediction):
            prediction = session.predict(
                targets, options
            )  # now that the damaged objects are out of the store
        if prediction.idle:
            return _idle(args, session, prediction, started, call, since)
        return _busy(args, session, targets, options, prediction, started)


def keep_schemas(root: Path) -> None:
    """What editors read for completion stands in .ltxbuild/, which a fresh clone does not have."""
    if not (root / ".ltxbuild" / "schema").exists():
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


def _say(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


def _damaged(session: Session, prediction: Prediction) -> bool:
    """Whether an object that has to be copied into build/ turned out to be damaged."""
    from ltxbuild.engine.deliver import Delivery

    delivery = Delivery.into(session.space, session.build_folder, _say)
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
    done = deliver(session, records, _say, args.frozen)
    seconds, tally = time.monotonic() - started, Tally(reused=list(records))
    if done.written:
        remember(session, tally, records, seconds)
    if args.json:
        emit_done(tally, done, seconds, session)
    else:
        print(closing_line(session, tally, done, seconds))
    if call is not None and not args.frozen:
        _stamp(session, call, since)
    return exit_code(args, session, records, tally, done)


def _busy(
    args: argparse.Namespace,
    session: Session,
    targets: tuple[str, ...],
    options: BuildOptions,
    prediction: Prediction,
    started: float,
) -> int:
    if _uses_base(session, prediction):
        if not session.identity.here:
            pinned = replace(session, identity=PinnedIdentity(session.project))
            shared = _without_base(args, pinned, targets, options)
            if shared is not None:
                return _finish(args, pinned, shared, started)
        # With -k whatever can be built is built, but no base of many gigabytes is fetched for a refused dataset.
        if not (args.keep_going and session.identity.here):
            held = _held_by_lint(args, session, options, prediction)
            if held is not None:
                return _finish(args, session, held, started)
        if not session.identity.here:
            _say(fetching(session))
        session = with_machine(session)
    return _finish(args, session, _run(args, session, targets, options), started)


def _run(
    args: argparse.Namespace, session: Session, targets: tuple[str, ...], options: BuildOptions
) -> Outcome:
    """Build with the display that fits where the output goes."""
    from ltxbuild.console.choose import choose
    from ltxbuild.engine.estimate import foreseen
    from ltxbuild.executors.local import LocalExecutor

    prediction = session.predict(targets, options)
    executor = LocalExecutor(args.jobs or os.cpu_count() or 1)
    reporter = choose(args.json)
    try:
        known = not (_uses_base(session, prediction) and session.identity.here)
        if not known and session.identity.read(reporter):
            prediction = session.predict(targets, options)
        extra = [ref for ref in media_refs(session).values() if ref.action in prediction.forecasts]
        reporter.started(*(len(prediction.of(state)) for state in ("run", "maybe", "fresh")))
        records = session.space.state.records.values()
        reporter.foresee(foreseen(session.graph, prediction, records, executor.slots))
        world = (session.graph, session.space, session.identity)
        return build(*world, targets, executor, reporter, options, extra, prediction)
    finally:
        reporter.close()


def _finish(args: argparse.Namespace, session: Session, outcome: Outcome, started: float) -> int:
    done = deliver(session, outcome.records, _say, args.frozen)
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


def shrink_store(session: Session) -> None:
    """Keep the store within [cache] keep; what is held cannot be told if git fails, and then nothing goes."""
    limit = bytes_of(session.project.settings.get("cache.keep"))
    if limit:
        from ltxbuild.commands.gc import shrink

        try:
            words = shrink(session.space, session.project.root, limit)
        except ProjectError as error:
            words = f"[cache] keep was not looked at: {error}"
        if words is not None:
            _say(words)


def _without_base(
    args: argparse.Namespace, session: Session, targets: tuple[str, ...], options: BuildOptions
) -> Outcome | None:
    """Everything from the shared cache, before a base of many gigabytes is fetched; None if something is not there."""
    if session.space.shared is None or not PinnedIdentity(session.project).complete or options.force:
        return None
    outcome = _run(args, session, targets, replace(options, without=frozenset({"model"})))
    done = not outcome.tally.blocked and not outcome.tally.failed
    return outcome if done or outcome.tally.interrupted else None


def _uses_base(session: Session, prediction: Prediction) -> bool:
    """Whether anything that may run opens the base; clips are cut and linted without it."""
    return any(
        forecast.state != "fresh" and session.graph.actions[name].worker == "model"
        for name, forecast in prediction.forecasts.items()
    )


def _held_by_lint(
    args: argparse.Namespace, session: Session, options: BuildOptions, prediction: Prediction
) -> Outcome | None:
    """Lint alone, which takes seconds, before a model works for a dataset that may not be trained on.

    Returns how that ended if nothing is to follow, else None.
    """
    if LINT not in prediction.forecasts:
        return None
    record = prediction.forecasts[LINT].record
    if prediction.forecasts[LINT].state == "fresh" and record is not None and _allows(session, record):
        return None
    outcome = _run(args, session, (LINT,), options)
    why = _lint_refusal(session, outcome)
    if why is None:
        return None
    from ltxbuild.console.json_lines import emit

    if not session.identity.here:
        _say("the base is not on this machine, and is not fetched for this dataset")
    for name in prediction.forecasts:
        if session.graph.actions[name].worker == "model":
            outcome.tally.blocked[name] = why
            if args.json:
                emit("blocked", action=name, why=why)
    return outcome


def _allows(session: Session, record: Record) -> bool:
    """Whether lint's answer is known and lets training start."""
    path = session.space.store.path(record.outputs["ok.json"])
    return path.exists() and bool(json.loads(path.read_bytes())["ok"])


def _lint_refusal(session: Session, outcome: Outcome) -> str | None:
    record = outcome.records.get(LINT)
    if record is None:
        return f"it needs {LINT}"
    answer = json.loads(session.space.store.path(record.outputs["ok.json"]).read_bytes())
    return None if answer["ok"] else f"lint: {answer['why']}"


def fetching(session: Session) -> str:
    base = session.project.base
    return (
        f"{base.repository} is not on this machine and is fetched from the Hub; "
        f"its licence: {base.card.source.licence}"
    )


def with_machine(session: Session) -> Session:
    """The same graph with what this machine adds: where the base is, which device. May fetch the base."""
    from ltxbuild.commands.session import machine_facts

    session.graph.equip("model", machine_facts(session.project, session.identity))
    return session


def _now(root: Path) -> int:
    """The filesystem's time; 0 before the first build, so that nothing is older."""
    folder = root / FOLDER
    return files.clock(folder) if folder.is_dir() else 0


def _stamp(session: Session, call: str, since: int) -> None:
    root, space = session.project.root, session.space
    paths = ["lora.toml", "captions.toml"]
    paths.append(LOCK)  # its pins are read for every variant, its content written for the project's own
    build = session.build_folder.relative_to(root)
    paths += [key for key in space.state.delivered if Path(key).is_relative_to(build)]
    base = session.project.base.folder
    if base is not None:
        paths += [str(file.resolve()) for file in sorted(base.rglob("*.safetensors"))]
    from ltxbuild.project.identity import machine_file

    machine = machine_file()
    paths.append(str(machine if machine.exists() else _existing_parent(machine)))
    stamp.write(str(root), call, ["clips"], paths, since)


def _existing_parent(path: Path) -> Path:
    """The folder whose time changes if the file, or a folder above it, comes into being."""
    while not path.exists():
        path = path.parent
    return path
