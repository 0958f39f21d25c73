"""After a build: files into build/, the rendered report, the lock. Decides nothing about what is stale."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltxbuild import __version__
from ltxbuild.commands.session import Session
from ltxbuild.commands.sheets import write_beside
from ltxbuild.engine import digest, files
from ltxbuild.engine.action import Ref, Source
from ltxbuild.engine.deliver import Delivery, Rendered
from ltxbuild.engine.state import Record
from ltxbuild.job import Json
from ltxbuild.project.pins import LOCK
from ltxbuild.recipe.lockfile import Facts, input_lines, render_lock, stages_of
from ltxbuild.recipe.scope import LINT, LINTS, lint_of

if TYPE_CHECKING:
    from ltxbuild.engine.graph import Graph

MEDIA = {
    "preview": {"clip": "preview.mp4"},
    "scan": {"strip": "strip.jpg", "moments": "moments.jpg"},
    "decode": {"sample": "video.mp4"},
    "glimpse": {"glimpse": "video.mp4"},
}
OF_LINT = ("strip:", "moments:")
OF_A_MODE = ("decode", "glimpse")


@dataclass(frozen=True)
class Delivered:
    """What a delivery did."""

    written: int
    lock_changed: bool


def media_refs(session: Session) -> dict[str, Ref]:
    """By the page's name, the pictures and videos it shows."""
    mode = str(session.project.settings.get("train.mode"))
    refs: dict[str, Ref] = {}
    for name in session.graph.actions:
        stage, _, rest = name.partition(":")
        own, _, inner = rest.partition(":")
        if stage in OF_A_MODE and own != mode:
            continue
        for kind, output in MEDIA.get(stage, {}).items():
            refs[f"{kind}:{inner if stage in OF_A_MODE else rest}"] = Ref(name, output)
    return refs


def deliver(
    session: Session, records: Mapping[str, Record], say: Callable[[str], None], frozen: bool
) -> Delivered:
    """Bring build/ and the lock in line with `records`; with `frozen` the lock is only compared."""
    delivery = Delivery.into(session.space, session.build_folder, say)
    written = 0
    for item in session.graph.deliverables:
        record = records.get(item.ref.action)
        if record is not None:
            written += delivery.copy(item.path, record.outputs[item.ref.output])
    for page in _pages(session, records):
        written += delivery.render(page)
    if all(item.ref.action in records for item in session.graph.deliverables):
        delivery.finish()
    changed = not session.choice.variant and _lock(session, records, frozen)
    return Delivered(written, changed)


def deliver_lint(session: Session, records: Mapping[str, Record], say: Callable[[str], None]) -> Path:
    """Bring build/lint.html alone in line with `records`; its path."""
    delivery = Delivery.into(session.space, session.build_folder, say)
    for page in _pages(session, records):
        if page.path == "lint.html":
            delivery.render(page)
    return session.build_folder / "lint.html"


def _pages(session: Session, records: Mapping[str, Record]) -> list[Rendered]:
    refs = {name: ref for name, ref in media_refs(session).items() if ref.action in records}
    digests = {name: records[ref.action].outputs[ref.output] for name, ref in refs.items()}
    pages = []
    mode = session.project.settings.get("train.mode")
    report = records.get(f"report:{mode}")
    if report is not None:
        shown = {name: key for name, key in digests.items() if not name.startswith("moments:")}
        key = digest.of_json([__version__, report.outputs["report.json"], dict(shown)])
        pages.append(Rendered("report.html", key, lambda: _report(session, records, report, shown)))
    if LINT in records:
        found = [record.outputs["findings.json"] for record in _lints(session, records)]
        strips: dict[str, str] = {k: v for k, v in digests.items() if k.startswith(OF_LINT)}
        captions: dict[str, Json] = {clip.key: clip.caption for clip in session.project.clips}
        fits = _fits(session, records)
        key = digest.of_json([__version__, [*found], dict(strips), captions, dict(fits)])
        pages.append(Rendered("lint.html", key, lambda: _lint(session, found, strips, fits)))
    return pages


def _lints(session: Session, records: Mapping[str, Record]) -> list[Record]:
    """All that lint knows of this state: what only guards training is not asked where nothing trains, but may be known."""
    found = []
    for name in LINTS:
        record = records.get(name)
        if record is None and name in session.graph.actions:
            forecast = session.predict((name,)).forecasts[name]
            record = forecast.record if forecast.state == "fresh" else None
        if record is not None:
            found.append(record)
    return found


def _fits(session: Session, records: Mapping[str, Record]) -> dict[str, str]:
    """By clip, the digest of how it meets its bucket, as far as its lint has run."""
    clips = [clip for clip in session.project.clips if not clip.skip]
    found = {clip.key: records.get(lint_of(clip)) for clip in clips}
    return {key: record.outputs["fit.json"] for key, record in found.items() if record is not None}


def _read(session: Session, key: str) -> Any:
    return json.loads(session.space.store.path(key).read_bytes())


def _media(session: Session, digests: Mapping[str, str]) -> dict[str, bytes]:
    store = session.space.store
    return {name: store.path(key).read_bytes() for name, key in digests.items() if store.exists(key)}


def _report(
    session: Session, records: Mapping[str, Record], report: Record, digests: Mapping[str, str]
) -> bytes:
    from ltxbuild.page.report import render

    media = _media(session, digests)
    content = _read(session, report.outputs["report.json"])
    page = render(content, media, timings(session.graph, records), _history(session))
    write_beside(session.build_folder, page)
    return page.html


def _lint(
    session: Session, found: Sequence[str], strips: Mapping[str, str], fits: Mapping[str, str]
) -> bytes:
    from ltxbuild.page.lint import render_lint

    captions = {clip.key: clip.caption for clip in session.project.clips if not clip.skip}
    pictures = {name: data for name, data in _media(session, strips).items() if data}
    findings = [finding for key in found for finding in _read(session, key)]
    fitting = {clip: _read(session, key) for clip, key in fits.items() if session.space.store.exists(key)}
    page = render_lint(findings, captions, pictures, session.project.name, fitting)
    write_beside(session.build_folder, page)
    return page.html


def timings(graph: Graph, records: Mapping[str, Record]) -> list[dict[str, Any]]:
    """For each stage: its actions, the seconds they took when they ran, and how many an older version made."""
    found: dict[str, dict[str, Any]] = {}
    for name, record in records.items():
        empty = {"stage": record.stage, "seconds": 0.0, "actions": 0, "outdated": 0}
        row = found.setdefault(record.stage, empty)
        row["seconds"] += record.seconds
        row["actions"] += 1
        row["outdated"] += record.version < graph.actions[name].version
    return sorted(found.values(), key=lambda row: -float(row["seconds"]))


def _history(session: Session) -> list[dict[str, Any]]:
    """The builds before this one, newest first, that reached a verdict."""
    builds = [
        b for b in session.space.state.builds if b["verdict"] and b["variant"] == session.choice.variant
    ]
    return [{"build": b["n"], "time": b["when"], "verdict": b["verdict"]} for b in reversed(builds[-10:])]


def _lock(session: Session, records: Mapping[str, Record], frozen: bool) -> bool:
    """Write the lock once everything is delivered; True if it differs from the one that was there."""
    text = lock_text(session, records)
    path = session.project.root / LOCK
    if text is None or _old_lock(path) == text:
        return False
    if not frozen:
        files.write_atomic(path, text.encode())
    return True


def lock_text(session: Session, records: Mapping[str, Record]) -> str | None:
    """The lock of what `records` deliver; None while a part of it is not there."""
    graph, project = session.graph, session.project
    if any(item.ref.action not in records for item in graph.deliverables):
        return None
    exports = [item for item in graph.deliverables if item.path.endswith(".safetensors")]
    used = [clip for clip in project.clips if clip.caption and not clip.skip]
    facts = Facts(
        session.identity.commit,
        {key: value for key in session.identity.components if (value := session.identity.known(key))},
        {c.path: _digest(session, c.path, f"probe:{c.key}", "clip") for c in used},
        {
            c.reference: _digest(session, c.reference, f"reference-probe:{c.key}", "clip")
            for c in used
            if c.reference
        },
        _start_digest(session),
        stages_of(graph, exports[0].ref.action, records),
    )
    outputs = {item.path: records[item.ref.action].outputs[item.ref.output] for item in exports}
    return render_lock(input_lines(project, facts), outputs, _old_lock(project.root / LOCK))


def _start_digest(session: Session) -> str:
    """Of the LoRA that the delivered one was started from."""
    segments = (a for a in session.graph.actions.values() if "start" in a.inputs)
    mode = str(session.project.settings.get("train.mode"))
    for action in segments:
        source = action.inputs["start"]
        if action.id.startswith(f"train:{mode}:") and isinstance(source, Source):
            return _digest(session, source.path, action.id, "start")
    return ""


def _digest(session: Session, path: str, action: str, name: str) -> str:
    """The bytes that were built from, not those that an edit may have put there since."""
    answered = session.space.stats.answered(path)
    if answered is not None:
        return answered
    known = session.space.state.last_walk(action)
    return str(known.parts["inputs", name][1]) if known is not None else ""


def _old_lock(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
