"""Rules about the settings of the training, and about what is left out of its findings."""

from __future__ import annotations

from collections.abc import Iterator

from ltxbuild.lint.facts import IgnoredFacts, SettingsFacts
from ltxbuild.lint.rule import CAPTIONS, SETTINGS, Hit, rule

LARGE_RANK, ENOUGH_CLIPS = 32, 30


@rule("CFG801", "rank", "W", "settings")
def rank(settings: SettingsFacts) -> Iterator[Hit]:
    """A rank of 32 and more with fewer than 30 clips.

    A large rank has room to memorise a small set (training guide). 8 is enough for most, 16 for a diverse
    world.
    """
    value = settings.train.get("rank")
    if value is not None and value >= LARGE_RANK and settings.clips < ENOUGH_CLIPS:
        message = f"rank {value} with {settings.clips} clips: it needs {ENOUGH_CLIPS} diverse clips or more"
        yield Hit(message, SETTINGS, "train.rank", evidence={"rank": value, "clips": settings.clips})


@rule("CFG802", "learning-rate", "W", "settings")
def learning_rate(settings: SettingsFacts) -> Iterator[Hit]:
    """The learning rate is outside 5e-5 to 3e-4 (training guide; a base's card may name another range)."""
    value = settings.train.get("learning_rate")
    low, high = settings.ranges.pair("learning_rate")
    if value is not None and not low <= value <= high:
        message = f"learning rate {value:g}: {low:g} to {high:g} train well"
        evidence = {"learning_rate": value, "low": low, "high": high}
        yield Hit(message, SETTINGS, "train.learning_rate", evidence=evidence)


@rule("CFG803", "steps", "W", "settings")
def steps(settings: SettingsFacts) -> Iterator[Hit]:
    """Outside 1500 to 2500 steps in quality mode (training guide; 3000 for control).

    Fewer leave the concept faint, more memorise the clips. A base's card may name another range.
    """
    value = settings.train.get("steps")
    low, high = settings.ranges.pair("steps")
    high = max(high, 3000) if settings.type == "control" and "steps" not in settings.ranges.given else high
    if settings.mode == "quality" and value is not None and not low <= value <= high:
        message = f"{value} steps: {low:g} to {high:g} are usual in quality mode"
        yield Hit(message, SETTINGS, "train.steps", evidence={"steps": value, "low": low, "high": high})


@rule("CFG804", "views-per-clip", "W", "settings")
def views_per_clip(settings: SettingsFacts) -> Iterator[Hit]:
    """Each clip is seen too rarely to be learnt, or so often that it is memorised.

    Steps times batch over clips: 40 to 250 in quality mode, 15 to 60 in fast (our proposal, to be calibrated). A base's
    card may name other ranges.
    """
    value, clips = settings.train.get("steps"), settings.clips
    if value is None or not clips or settings.mode not in ("fast", "quality"):
        return
    views = value * (settings.train.get("batch") or 1) / clips
    low, high = settings.ranges.pair(f"views_{settings.mode}")
    if not low <= views <= high:
        message = f"each of {clips} clips is seen {views:.0f} times; {low:g} to {high:g} train well"
        evidence = {"views": round(views, 1), "low": low, "high": high}
        yield Hit(message, SETTINGS, "train.steps", evidence=evidence)


@rule("CFG806", "grid", "E", "settings")
def grid(settings: SettingsFacts) -> Iterator[Hit]:
    """A size or length does not lie on the base's grid.

    Width and height are multiples of the grid (32), frames one more than a multiple of the VAE's temporal
    factor (8).
    """
    side, step = int(settings.train.get("grid") or 32), int(settings.train.get("temporal") or 8)
    for width, height in settings.train.get("shapes") or ():
        if width % side or height % side:
            message = f"{width}x{height} is not on the grid of {side}"
            near = f"{round(width / side) * side}x{round(height / side) * side}"
            evidence = {"width": width, "height": height, "grid": side}
            yield Hit(message, SETTINGS, "bucket.shapes", evidence=evidence, fix=near)
    for frames in settings.train.get("frames") or ():
        if frames % step != 1:
            message = f"{frames} frames: lengths are {step}n + 1"
            near = str(max(0, round((frames - 1) / step)) * step + 1)
            yield Hit(message, SETTINGS, "bucket.frames", evidence={"frames": frames}, fix=near)


@rule("CFG807", "continued", "I", "settings")
def continued(settings: SettingsFacts) -> Iterator[Hit]:
    """Training starts from another LoRA.

    With new clips a training from nothing on all of them usually does better (training guide): what the older
    one learnt of its own clips stays, wanted or not.
    """
    if settings.train.get("continued"):
        yield Hit(
            "training starts from another LoRA; from nothing it usually does better",
            SETTINGS,
            "train.init_from",
        )


@rule("CFG809", "unused-ignore", "I", "ignores")
def unused_ignore(ignored: IgnoredFacts) -> Iterator[Hit]:
    """A clip's entry says to ignore what was not found in it.

    The clip or its caption was mended, or the code is another one: an ignore that is left behind hides the next finding of
    its kind.
    """
    for key, names in ignored.unused.items():
        message = f"{key} ignores {', '.join(names)}, and nothing of that was found in it"
        yield Hit(message, CAPTIONS, key, evidence={"ignored": list(names)}, fix="take it out of `ignore`")


RULES = (rank, learning_rate, steps, views_per_clip, grid, continued, unused_ignore)
