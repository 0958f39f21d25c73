"""A build from prediction to the closing line. The verbs that build call this."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from ltxbuild.commands.delivery import LOCK, Delivered, deliver, media_refs
from ltxbuild.commands.options import options_of
from ltxbuild.commands.session import Choice, Session, open_session, refuse_control
from ltxbuild.engine import files, stamp
from ltxbuild.engine.build import Outcome, build
from ltxbuild.engine.events import Reporter
from ltxbuild.engine.options import BuildOptions, Tally
from ltxbuild.engine.predict import Prediction
from ltxbuild.engine.state import Record
from ltxbuild.problem import ProjectError
from ltxbuild.recipe import make_graph
from ltxbuild.recipe.scope import DEFAULT


def dry_run(args: argparse.Namespace, choice: Choice) -> int:
    """Say what would run; take no lock, write nothing."""
    from ltxbuild.commands.status import show

    with open_session(choice, write=False) as session:
        refuse_control(session.project)
        targets, options = _wanted(args, session)
        return show(session.predict(targets, options), args.json)


def perform(args: argparse.Namespace, choice: Choice, started: float, call: str | None = None) -> int:
    """Build, deliver, tell. Returns the exit code."""
    with open_session(choice, write=True) as session:
        refuse_control(session.project)
        targets, options = _wanted(args, session)
        _keep_schemas(choice.root)
        prediction = session.predict(targets, options)
        if prediction.idle and _damaged(session, prediction):
            prediction = session.predict(
                targets, options
            )  # now that the damaged objects are out of the store
        if prediction.idle:
            return _idle(args, session, prediction, started, call)
        return _busy(args, session, targets, options, prediction, started)


def _keep_schemas(root: Path) -> None:
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
    args: argparse.Namespace, session: Session, prediction: Prediction, started: float, call: str | None
) -> int:
    records = {name: f.record for name, f in prediction.forecasts.items() if f.record is not None}
    for name, forecast in prediction.forecasts.items():
        session.space.state.add_walk(name, forecast.walk)
    done = deliver(session, records, _say, args.frozen)
    seconds, tally = time.monotonic() - started, Tally(reused=list(records))
    if done.written:
        _remember(session, tally, records, seconds)
    if args.json:
        _emit_done(tally, done, seconds, session)
    else:
        print(_closing_line(session, tally, done, seconds))
    if call is not None and not args.frozen:
        _stamp(session, call)
    return _code(args, session, records, tally, done)


def _busy(
    args: argparse.Namespace,
    session: Session,
    targets: tuple[str, ...],
    options: BuildOptions,
    prediction: Prediction,
    started: float,
) -> int:
    from ltxbuild.console.choose import choose
    from ltxbuild.executors.local import LocalExecutor

    reporter = choose(args.json)
    try:
        reporter.started(*(len(prediction.of(state)) for state in ("run", "maybe", "fresh")))
        session = _with_machine(session, reporter)
        extra = [ref for ref in media_refs(session).values() if ref.action in prediction.forecasts]
        executor = LocalExecutor(args.jobs or os.cpu_count() or 1)
        outcome = build(
            session.graph, session.space, session.identity, targets, executor, reporter, options, extra
        )
        done = deliver(session, outcome.records, reporter.note, args.frozen)
    finally:
        reporter.close()
    seconds = time.monotonic() - started
    if outcome.tally.eventful or done.written:
        _remember(session, outcome.tally, outcome.records, seconds)
    if args.json:
        _emit_done(outcome.tally, done, seconds, session)
    else:
        _tell(session, outcome)
        print(_closing_line(session, outcome.tally, done, seconds))
    return _code(args, session, outcome.records, outcome.tally, done)


def _with_machine(session: Session, reporter: Reporter) -> Session:
    """The same graph with what this machine adds: where the base is, which device. May fetch the base."""
    from ltxbuild.commands.session import machine_facts

    if session.project.base.folder is None and session.identity.folder is None:
        reporter.note(f"looking for the base {session.project.base.repository}")
    facts = machine_facts(session.project, session.identity)
    return replace(session, graph=make_graph(session.project, facts))


def _remember(session: Session, tally: Tally, records: Mapping[str, Record], seconds: float) -> None:
    lora = next((r.outputs["lora.safetensors"] for n, r in records.items() if n.startswith("export:")), None)
    session.space.state.add_build(
        {
            "n": len(session.space.state.builds) + 1,
            "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "variant": session.choice.variant,
            "ran": len(tally.ran),
            "reused": len(tally.reused),
            "failed": sorted(tally.failed),
            "interrupted": tally.interrupted,
            "past_gate": tally.passed_gates,
            "verdict": _verdict(session, records),
            "lora": lora,
            "seconds": round(seconds, 1),
        }
    )


def _verdict(session: Session, records: Mapping[str, Record]) -> str | None:
    record = records.get(f"evaluate:{session.project.settings.get('train.mode')}")
    if record is None:
        return None
    path = session.space.store.path(record.outputs["evaluation.json"])
    return str(json.loads(path.read_bytes())["verdict"]) if path.exists() else None


def _tell(session: Session, outcome: Outcome) -> None:
    """What has to be known beyond the closing line."""
    tally = outcome.tally
    roots = {n: why for n, why in tally.blocked.items() if not why.startswith("it needs ")}
    for why in dict.fromkeys(roots.values()):
        held = [name for name, reason in roots.items() if reason == why]
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        print(f"blocked: {held[0]}{more}: {why}", file=sys.stderr)
    if any(why.startswith("lint:") for why in roots.values()):
        print("`ltxbuild lint` shows the findings with their evidence", file=sys.stderr)
    if tally.interrupted:
        print("interrupted: what was finished is kept, the next build goes on from there", file=sys.stderr)
    verdict = _verdict(session, outcome.records)
    if verdict is not None:
        print(f"evaluation: {verdict} (see {_shown(session.build_folder / 'report.html')})", file=sys.stderr)


def _closing_line(session: Session, tally: Tally, done: Delivered, seconds: float) -> str:
    if not tally.eventful and not done.written:
        return f"up to date ({seconds:.2f} s)"
    if not tally.eventful:
        return f"delivered {done.written} files in {words(seconds)} -> {_main_file(session)}"
    counts = f"built {len(tally.ran)}, reused {len(tally.reused)}"
    if tally.failed:
        counts += f", failed {len(tally.failed)}"
    if tally.blocked:
        counts += f", blocked {len(tally.blocked)}"
    return f"{counts} in {words(seconds)}{_arrow(session)}"


def words(seconds: float) -> str:
    """0.06 s, 42 s or 12m04s."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)}m{int(seconds % 60):02d}s"


def _main_file(session: Session) -> str:
    path = session.build_folder / session.graph.deliverables[0].path
    return _shown(path if path.exists() else session.build_folder)


def _arrow(session: Session) -> str:
    path = session.build_folder / session.graph.deliverables[0].path
    return f" -> {_shown(path)}" if path.exists() else ""


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _emit_done(tally: Tally, done: Delivered, seconds: float, session: Session) -> None:
    from ltxbuild.console.json_lines import emit

    emit(
        "done",
        ran=len(tally.ran),
        reused=len(tally.reused),
        failed=sorted(tally.failed),
        blocked=len(tally.blocked),
        interrupted=tally.interrupted,
        delivered=done.written,
        lock_changed=done.lock_changed,
        seconds=round(seconds, 3),
        build=_shown(session.build_folder),
    )


def _code(
    args: argparse.Namespace, session: Session, records: Mapping[str, Record], tally: Tally, done: Delivered
) -> int:
    if tally.interrupted:
        return 130
    lint = records.get("lint:all")
    ok = True
    if lint is not None and session.space.store.exists(lint.outputs["ok.json"]):
        ok = json.loads(session.space.store.path(lint.outputs["ok.json"]).read_bytes())["ok"]
    bad = tally.failed or tally.blocked or not ok or (args.frozen and done.lock_changed)
    if args.check and _verdict(session, records) == "FAIL":
        bad = True
    return 1 if bad else 0


def _stamp(session: Session, call: str) -> None:
    root, space = session.project.root, session.space
    paths = ["lora.toml", "captions.toml", "clips", *(clip.path for clip in session.project.clips)]
    paths += [path for path in (LOCK,) if not session.choice.variant]
    build = session.build_folder.relative_to(root)
    paths += [key for key in space.state.delivered if Path(key).is_relative_to(build)]
    base = session.project.base.folder
    if base is not None:
        paths += [str(file.resolve()) for file in sorted(base.rglob("*.safetensors"))]
    from ltxbuild.project.identity import machine_file

    machine = machine_file()
    paths.append(str(machine if machine.exists() else _existing_parent(machine)))
    stamp.write(root, space.folder, call, paths, "up to date", files.clock(space.folder))


def _existing_parent(path: Path) -> Path:
    """The folder whose time changes if the file, or a folder above it, comes into being."""
    while not path.exists():
        path = path.parent
    return path
