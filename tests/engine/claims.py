"""What must hold after every build, whatever came before it: right bytes, no work without need, as predicted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.engine.digest import of_bytes, of_file
from ltxbuild.engine.state import Record, State
from tests.engine.harness import Built, Call
from tests.engine.world import World, fingerprints, holds, oracle


@dataclass(frozen=True)
class Facts:
    """What was on the disk before a build: the records, the sound objects, and whether there was a damaged one."""

    records: dict[str, Record]
    sound: frozenset[str]
    damaged: bool

    @classmethod
    def of(cls, root: Path) -> Facts:
        """Read everything, as no build does."""
        sound, damaged = set(), False
        for path in (root / ".ltxbuild" / "objects").glob("*/*"):
            key = path.parent.name + path.name
            if of_file(path) == key:
                sound.add(key)
            else:
                damaged = True
        return cls(State.load(root / ".ltxbuild" / "journal", False).records, frozenset(sound), damaged)


def check(
    root: Path, world: World, call: Call, before: Facts, built: Built, orphans: Collection[str] = ()
) -> None:
    """All claims about one build. `orphans` are files whose origin a loss of the state made the engine forget."""
    right_bytes(world, call, built)
    right_files(root, world, built, orphans)
    guards_held(world, call, built)
    nothing_without_need(world, call, before, built)
    if not set(built.reporter.states.values()) & {"failed", "blocked"}:
        as_predicted(world, before, built)


def right_bytes(world: World, call: Call, built: Built) -> None:
    """Everything that is said to be up to date is what a build from nothing makes, and all that can be had is had."""
    possible = oracle(world, "passed" if call.options.past_gate else "asked")
    restored = oracle(world, "forgotten")
    for name in built.reporter.states:
        record = built.outcome.records.get(name)
        if record is None:
            assert possible[name] is None or not call.options.keep_going, f"{name} was not made"
            continue
        outputs = restored[name]
        assert outputs is not None, f"{name} cannot have been made"
        assert record.outputs == {key: of_bytes(data) for key, data in outputs.items()}, name


def guards_held(world: World, call: Call, built: Built) -> None:
    """What ran had its guard open, or was let past it."""
    made = oracle(world, "forgotten")
    for node in (world.nodes[name] for name in built.ran if world.nodes[name].guard):
        answer = made[node.guard]
        assert answer is not None, f"{node.name} ran without its guard"
        assert call.options.past_gate or holds(answer["out"].decode()), f"{node.name} ran past its guard"


def right_files(root: Path, world: World, built: Built, orphans: Collection[str] = ()) -> None:
    """What is delivered has the right bytes, and what is not delivered any more is gone."""
    made = oracle(world, "forgotten")
    names = {name for name, node in world.nodes.items() if node.delivered}
    for name in names & built.outcome.records.keys():
        outputs = made[name]
        assert outputs is not None
        assert (root / "build" / name).read_bytes() == outputs["out"], f"build/{name}"
    if names <= built.outcome.records.keys() and (root / "build").exists():
        ours = {p.name for p in (root / "build").iterdir() if ".local" not in p.name and not _mine(p)}
        assert ours <= names | set(orphans), "a file that nothing makes any more was left"
    litter = [path for path in root.rglob(".ltxbuild-tmp-*") if path.is_file()]
    assert not litter, "a killed build's leavings are still there"


def _mine(path: Path) -> bool:
    return path.is_dir() or b"mine" in path.read_bytes()


def nothing_without_need(world: World, call: Call, before: Facts, built: Built) -> None:
    """An action runs only if it has no record, or an output is lost that something running or delivered needs."""
    prints, states = fingerprints(world), built.reporter.states
    ran = [prints[name] for name in built.ran]
    assert len(ran) == len(set(ran)), "one fingerprint ran twice"
    wanting = {n for n, state in states.items() if n in built.ran or state in ("failed", "blocked")}
    # What was to be made again asks for its guards first; then its bytes may have come from another action.
    again = {(name, output) for output, name in map(_announced, built.reporter.notes) if name}
    wanting |= lost_and_asked(built).keys() | {name for name, _ in again}
    needed = {(name, "out") for name, node in world.nodes.items() if node.delivered}
    for node in (world.nodes[name] for name in wanting):
        needed |= {(name, "side" if node.side else "out") for name in node.inputs}
        needed |= {(name, "out") for name in node.bag} | {(node.guard, "ok")}
        needed |= {(name, "out") for name in (node.lazy if node.param % 2 else ())}
    assert again <= needed, "what nobody needs was to be made again"
    for name in built.ran:
        record = before.records.get(prints[name])
        ignored = call.options.strict and record is not None and record.made_with != call.options.made_with
        if record is None or ignored or name in call.options.force:
            continue
        lost = {(name, output) for output, key in record.outputs.items() if key not in before.sound}
        # A twin with the same fingerprint may be the one whose output is needed.
        twins = {other for other in states if prints[other] == prints[name]}
        assert {(twin, output) for twin in twins for _, output in lost} & needed, f"{name} ran without need"


def as_predicted(world: World, before: Facts, built: Built) -> None:
    """R is a subset of what ran, which is a subset of R and M; each M lies below an R or is needed by what does."""
    prints, ran = fingerprints(world), set(built.ran)
    run, maybe = set(built.prediction.of("run")), set(built.prediction.of("maybe"))
    done = {prints[name] for name in ran}
    # Bytes that were lost may have come from another action that makes the same.
    made = {key for name in ran for key in built.outcome.records[name].outputs.values()}
    spared = {name for name, keys in lost_and_asked(built).items() if keys & made}
    assert {name for name in run - spared if prints[name] not in done} == set(), (
        "predicted to run, and did not"
    )
    if not before.damaged:  # damage shows when an object is read, and a prediction reads none
        assert ran <= run | maybe, "ran without being predicted"
    unknown = {
        name
        for name in maybe
        if any(reason.kind == "unknown" for reason in built.prediction.forecasts[name].reasons)
    }
    assert maybe <= _reached(world, run | unknown, maybe), "a maybe without cause"


def _announced(note: str) -> tuple[str, str]:
    """Output and action of which a build said that it makes them again; empty if it said something else."""
    what, end, _ = note.partition(" was lost or damaged and is made again")
    output, _, name = what.partition(" of ") if end else ("", "", "")
    return output, name


def lost_and_asked(built: Built) -> dict[str, set[str]]:
    """The actions that were to be made again, with the digests of what was lost."""
    found: dict[str, set[str]] = {}
    for name, forecast in built.prediction.forecasts.items():
        if forecast.record is not None and any(reason.kind == "lost" for reason in forecast.reasons):
            outputs = [reason.subject.partition(" of ")[0] for reason in forecast.reasons]
            found[name] = {forecast.record.outputs[output] for output in outputs}
    return found


def _reached(world: World, start: set[str], through: set[str]) -> set[str]:
    """What lies below `start`, and what that in turn may ask for, over members of `through`."""
    edges: set[tuple[str, str]] = set()
    for node in world.nodes.values():
        for producer in (*node.inputs, *node.bag, *node.lazy, *filter(None, [node.guard])):
            edges |= {(producer, node.name), (node.name, producer)}
    found = set(start)
    while more := {b for a, b in edges if a in found and b in through} - found:
        found |= more
    return found
