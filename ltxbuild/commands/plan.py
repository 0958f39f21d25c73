"""`ltxbuild plan`: what a build will take before anything is spent. Takes no lock, writes no state, guesses nothing."""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltxbuild.job import JsonDict

if TYPE_CHECKING:
    from ltxbuild.commands.session import Session
    from ltxbuild.engine.forecast import Prediction

GIB = float(1 << 30)
HOUR = 3600.0
# Of the bytes of a LoRA weight in training: itself of 16, and AdamW's two moments.
ADAPTER, OPTIMIZER = 4 / 16, 8 / 16
KEPT_OPTIMIZERS = 3  # the last two segments' and that of the choice


@dataclass(frozen=True)
class Work:
    """Actions of one kind that run or may run: how many for certain, and seconds of one (None: never ran here)."""

    kind: str
    worker: str
    certain: int
    possible: int
    each: float | None

    @property
    def count(self) -> int:
        """All that may run."""
        return self.certain + self.possible

    @property
    def seconds(self) -> float | None:
        """Of all of them, one after the other."""
        return None if self.each is None else self.each * self.count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Targets and the form of the answer."""
    from ltxbuild.commands.options import add_choice, add_targets

    add_targets(parser)
    add_choice(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is ahead."""
    import json

    from ltxbuild.commands.options import choice_of
    from ltxbuild.commands.session import open_session
    from ltxbuild.recipe.scope import DEFAULT

    with open_session(choice_of(args), write=False) as session:
        prediction = session.predict(session.graph.resolve(args.targets or [DEFAULT]))
        ahead = work_ahead(session, prediction)
        shapes = {one: buckets(session, prediction, one) for one in modes(session)}
        if args.json:
            print(json.dumps(_as_json(session, ahead, shapes), indent=1))
        else:
            print("\n".join(_lines(session, ahead, shapes)))
    return 0


def kind_of(session: Session, action: str) -> str:
    """`train, quality`: what an action does, and in which mode where it belongs to one."""
    known = session.graph.actions.get(action)
    stage = known.stage if known is not None else action.partition(":")[0]
    parts = action.split(":")
    return f"{stage}, {parts[1]}" if len(parts) > 1 and parts[1] in ("fast", "quality") else stage


def work_ahead(session: Session, prediction: Prediction) -> list[Work]:
    """What runs or may run, by kind in the order of the graph, with what one took here."""
    from ltxbuild.engine.estimate import seconds_by_kind

    # What the tiny base took in a rehearsal says nothing of the real one, and the other way round.
    rehearsal = session.choice.rehearsal
    took = seconds_by_kind(
        session.space.state,
        lambda action: kind_of(session, action),
        lambda variant: (variant == "rehearsal") == rehearsal,
    )
    certain, possible, workers = Counter[str](), Counter[str](), dict[str, str]()
    for name, forecast in prediction.forecasts.items():
        if forecast.state in ("run", "maybe"):
            kind = kind_of(session, name)
            workers[kind] = session.graph.actions[name].worker
            (certain if forecast.state == "run" else possible)[kind] += 1
    return [Work(k, worker, certain[k], possible[k], took.get(k)) for k, worker in workers.items()]


def _lines(session: Session, ahead: list[Work], shapes: Mapping[str, list[str]]) -> Iterator[str]:
    project = session.project
    mode = str(project.settings.get("train.mode"))
    yield f"{project.name}: {project.type} on {project.base.card.title}, {mode}"
    yield ""
    active = [clip for clip in project.clips if not clip.skip]
    captioned = sum(bool(clip.caption) for clip in active)
    skipped = len(project.clips) - len(active)
    yield f"clips     {captioned} with a caption, {len(active) - captioned} without, {skipped} skipped"
    for one, lines in shapes.items():
        train = project.settings.mode(one)
        yield f"{one:<9} {train.steps} steps of {_samples(train.batch * train.accumulate)}, {_budget(session, one)}"
        yield from (f"          {line}" for line in lines)
    yield from _machine(session)
    yield ""
    yield from _table(ahead)
    yield from _totals(session, ahead)


def modes(session: Session) -> tuple[str, ...]:
    """Those that are trained: quality waits for the gate of a fast run."""
    mode = session.project.settings.get("train.mode")
    return ("fast", "quality") if mode == "quality" else ("fast",)


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count} samples"


def _budget(session: Session, mode: str) -> str:
    return f"up to {session.project.settings.get('bucket.budget', mode):,} tokens each"


def buckets(session: Session, prediction: Prediction, mode: str) -> list[str]:
    """The shapes of the clips that were looked at already, and how many were not."""
    found, unknown = Counter[tuple[int, int, int]](), 0
    windows = Counter[tuple[int, int, int]]()
    for clip in session.project.clips:
        if clip.skip or not clip.caption:
            continue
        forecast = prediction.forecasts.get(f"bucket:{mode}:{clip.key}")
        record = None if forecast is None else forecast.record
        bucket = None if record is None else session.output(record, "bucket.json")
        if bucket is None:
            unknown += 1
            continue
        shape = (bucket["width"], bucket["height"], bucket["frames"])
        found[shape] += 1
        windows[shape] += len(bucket["windows"])
    lines = [
        f"{w}x{h}, {n} frames: {found[w, h, n]} clips, {windows[w, h, n]} windows"
        for w, h, n in sorted(found, key=lambda shape: (-found[shape], shape))
    ]
    return (
        [*lines, f"{unknown} clips not cut yet: `ltxbuild bucket` tells their shapes"] if unknown else lines
    )


def _machine(session: Session) -> Iterator[str]:
    from ltxbuild.commands.running import memory_words

    yield f"memory    {memory_words(session) or f'models run on the {session.project.device}'}"
    free = shutil.disk_usage(session.project.root).free / GIB
    needed = checkpoints(session)
    more = "" if needed is None else f"; the checkpoints of a training take about {needed:.1f} GiB"
    short = ", which is more than there is" if needed is not None and needed > free else ""
    yield f"disk      {free:.0f} GiB free{more}{short}"


def checkpoints(session: Session) -> float | None:
    """GiB of adapters and optimizers that stay, from the counted size of a rank; None where a card does not tell it."""
    sizes = session.project.base.card.memory
    if sizes is None:
        return None
    total = 0.0
    for mode in modes(session):
        train = session.project.settings.mode(mode)
        segments = -(-train.steps // train.interval)
        total += sizes.rank * train.rank / 1024 * (segments * ADAPTER + KEPT_OPTIMIZERS * OPTIMIZER)
    return total


def _table(ahead: list[Work]) -> Iterator[str]:
    from ltxbuild.commands.closing import words

    if not ahead:
        yield "nothing to do: everything is up to date"
        return
    yield f"{'to do':<20} {'sure':>5} {'maybe':>6}   {'one takes':<10} in all"
    for work in ahead:
        each = "unknown" if work.each is None else words(work.each)
        total = "" if work.seconds is None else words(work.seconds)
        yield f"{work.kind:<20} {work.certain:>5} {work.possible:>6}   {each:<10} {total}".rstrip()


def _totals(session: Session, ahead: list[Work]) -> Iterator[str]:
    from ltxbuild.commands.closing import words

    heavy = [work for work in ahead if work.worker == "model"]
    if not heavy:
        return
    yield ""
    known = sum(work.seconds or 0.0 for work in heavy)
    unknown = [work.kind for work in heavy if work.each is None]
    hour = float(session.project.settings.get("cost.gpu_hour"))
    cost = f", {known / HOUR * hour:.2f} at {hour:g} an hour" if hour else ""
    device = "GPU" if session.project.device != "cpu" else "CPU"
    if len(unknown) < len(heavy):
        yield f"models on the {device}: at most {words(known)}{cost}, by the last runs in this folder"
    if unknown:
        yield f"not in it: {'; '.join(unknown)}: never ran here, so nothing is known of it"


def _as_json(session: Session, ahead: list[Work], shapes: Mapping[str, list[str]]) -> JsonDict:
    hour = float(session.project.settings.get("cost.gpu_hour"))
    heavy = [work for work in ahead if work.worker == "model"]
    unknown = [work.kind for work in heavy if work.each is None]
    seconds = None if unknown else sum(work.seconds or 0.0 for work in heavy)
    return {
        "v": 1,
        "modes": {
            one: {"steps": session.project.settings.mode(one).steps, "buckets": lines}
            for one, lines in shapes.items()
        },
        "work": [
            {
                "kind": w.kind,
                "worker": w.worker,
                "sure": w.certain,
                "maybe": w.possible,
                "seconds_each": w.each,
            }
            for w in ahead
        ],
        "model_seconds": seconds,
        "model_cost": None if seconds is None or not hour else seconds / HOUR * hour,
        "unknown": unknown,
        "checkpoints_gib": checkpoints(session),
    }
