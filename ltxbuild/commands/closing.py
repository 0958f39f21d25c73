"""What is said and kept once a build has ended: its place in the history, the closing line, the exit code."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ltxbuild.commands.delivery import Delivered, lock_text, media_refs
from ltxbuild.commands.session import Session
from ltxbuild.engine import manifest
from ltxbuild.engine.action import Ref
from ltxbuild.engine.options import Tally
from ltxbuild.engine.state import Record
from ltxbuild.problem import ProjectError
from ltxbuild.project.setting import bytes_of
from ltxbuild.recipe.findings import LINT
from ltxbuild.recipe.lockfile import inputs_digest


def remember(session: Session, tally: Tally, records: Mapping[str, Record], seconds: float) -> None:
    """Add this build to the history that `ltxbuild builds` and the report show."""
    lora = next((r.outputs["lora.safetensors"] for n, r in records.items() if n.startswith("export:")), None)
    number = len(session.space.state.builds) + 1
    manifest.write(session.space.folder, number, used_by(session, records))
    lock = None if session.choice.variant else lock_text(session, records)
    session.space.state.add_build(
        {
            "n": number,
            "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "variant": session.choice.variant,
            "ran": len(tally.ran),
            "reused": len(tally.reused),
            "failed": sorted(tally.failed),
            "interrupted": tally.interrupted,
            "past_gate": tally.passed_gates,
            "verdict": verdict(session, records),
            "lora": lora,
            "lock": None if lock is None else inputs_digest(lock),
            "seconds": round(seconds, 1),
        }
    )


def used_by(session: Session, records: Mapping[str, Record]) -> manifest.Manifest:
    """What gc and `restore` have to know of a build: what it used, and under which names it delivered."""

    def digests(refs: Mapping[str, Ref]) -> dict[str, str]:
        return {n: records[r.action].outputs[r.output] for n, r in refs.items() if r.action in records}

    return manifest.Manifest(
        tuple(record.fingerprint for record in records.values()),
        tuple(sorted(manifest.dispensable(session.graph, records))),
        digests({item.path: item.ref for item in session.graph.deliverables}),
        digests(media_refs(session)),
    )


def verdict(session: Session, records: Mapping[str, Record]) -> str | None:
    """What the evaluation of the delivered LoRA says; None while there is none."""
    found = _evaluation(session, records)
    return None if found is None else str(found["verdict"])


def _evaluation(session: Session, records: Mapping[str, Record]) -> Any:
    record = records.get(f"evaluate:{session.project.settings.get('train.mode')}")
    return None if record is None else session.output(record, "evaluation.json")


def tell(session: Session, tally: Tally, records: Mapping[str, Record]) -> None:
    """What has to be known beyond the closing line."""
    # What waited for others, or for its turn when the build was stopped, says nothing of its own.
    silent = ("it needs ", "the build was stopped")
    roots = {n: why for n, why in tally.blocked.items() if not why.startswith(silent)}
    for why in dict.fromkeys(roots.values()):
        held = [name for name, reason in roots.items() if reason == why]
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        print(f"blocked: {held[0]}{more}: {why}", file=sys.stderr)
    if any(why.startswith("lint:") for why in roots.values()):
        print("`ltxbuild lint` shows the findings with their evidence", file=sys.stderr)
    if tally.interrupted:
        print("interrupted: what was finished is kept, the next build goes on from there", file=sys.stderr)
    for stage, count in outdated(session, records).items():
        what = f"outdated: {count} x {stage} were made by an older version of the stage and still count"
        print(f"{what}; `--refresh` makes them anew", file=sys.stderr)
    evaluation = _evaluation(session, records)
    if evaluation is None:
        return
    stopped = evaluation["curve"].get("stopped")
    if stopped:
        print(f"training stopped after step {stopped['at']}: {stopped['why']}", file=sys.stderr)
    rehearsal = session.project.rehearsal
    said = "rehearsal: every stage ran" if rehearsal else f"evaluation: {evaluation['verdict']}"
    print(f"{said} (see {_shown(session.build_folder / 'report.html')})", file=sys.stderr)


def outdated(session: Session, records: Mapping[str, Record]) -> Counter[str]:
    """By stage, how many results of an older version are used: a new release spends nobody's GPU hours."""
    actions = session.graph.actions
    return Counter(r.stage for name, r in records.items() if r.version < actions[name].version)


def closing_line(session: Session, tally: Tally, done: Delivered, seconds: float) -> str:
    """What was done, how long it took and where the result lies, in one line."""
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


def emit_done(tally: Tally, done: Delivered, seconds: float, session: Session) -> None:
    """The last event of `--json`."""
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


def exit_code(
    args: argparse.Namespace, session: Session, records: Mapping[str, Record], tally: Tally, done: Delivered
) -> int:
    """0 done, 1 if something failed, was held up or is refused, 130 interrupted."""
    if tally.interrupted:
        return 130
    lint = records.get(LINT)
    answer = None if lint is None else session.output(lint, "ok.json")
    refused = answer is not None and not answer["ok"]
    bad = tally.failed or tally.blocked or refused or (args.frozen and done.lock_changed)
    if args.check and verdict(session, records) == "FAIL":
        bad = True
    return 1 if bad else 0


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
            say(words)


def say(text: str) -> None:
    """A line on stderr about what was decided for the user."""
    print(f"note: {text}", file=sys.stderr)
