"""Rules about what a clip's bucket leaves out of it, in time and in the picture. They read the bucket, they choose none."""

from __future__ import annotations

from collections.abc import Iterator

from ltxbuild.lint.facts import ClipFacts
from ltxbuild.lint.rule import CAPTIONS, Hit, Severity, rule

MUCH_UNUSED = 0.5  # share of the frames
MUCH_CROPPED = 0.15  # share of the area
SIDEWAYS, UPRIGHT = ("left", "right"), ("top", "bottom")


@rule("CLP005", "unused-tail", "I", "clip")
def unused_tail(clip: ClipFacts) -> Iterator[Hit]:
    """Training sees frames of this clip not at all, or one caption stands for several windows of long footage.

    A clip is cut into windows of a fixed length. A note where frames are in no window, a warning where that is more
    than half of them. Also a warning when the clip is longer than the guide advises (5 seconds; a base's card may name
    another length) and has several windows: each is shown with the same caption, also one in which nothing of it
    happens. Within the advised length several windows are usual and no finding. Cut long footage into clips with
    captions of their own.
    """
    windows, length = clip.bucket.get("windows", ()), clip.bucket.get("frames", 0)
    if not clip.moving or not windows:
        return  # fewer frames than the smallest bucket are another rule's
    frames = round(clip.scan["duration"] * clip.ranges.number("fps"))
    unused = frames - len({frame for first in windows for frame in range(first, first + length)})
    _, longest = clip.ranges.pair("duration")
    seconds = clip.scan["duration"]
    evidence = {"frames": frames, "unused": unused, "windows": len(windows), "length": length}
    if unused > 0:
        severity: Severity = "W" if unused > MUCH_UNUSED * frames else "I"
        message = f"no window uses {unused} of the {frames} frames of {clip.path}"
        fix = "set `start` and `end` so that a window holds what matters"
        yield Hit(message, CAPTIONS, clip.key, severity=severity, evidence=evidence, fix=fix)
    elif len(windows) > 1 and seconds > longest + 0.02:
        message = f"one caption stands for {len(windows)} windows of {clip.path}, {seconds:.1f} s long"
        fix = "cut it into clips with captions of their own, or set `start` and `end`"
        yield Hit(message, CAPTIONS, clip.key, severity="W", evidence=evidence, fix=fix)


@rule("CLP011", "crop-loss", "W", "clip")
def crop_loss(clip: ClipFacts) -> Iterator[Hit]:
    """The training shape cuts off more than 15 % of the picture.

    The shape of the ladder that is nearest in aspect is taken, and what stands over is cut off evenly on both sides.
    `crop = "left"` (or centre, right, top, bottom) in captions.toml says which side is kept; a clip for which it is
    set has no such finding, as somebody has looked at it. A note when it names a side along which nothing is cut.
    """
    if not clip.readable or not clip.bucket:
        return
    loss, crop = clip.bucket["crop_loss"], clip.bucket["crop"]
    sideways = crop["scale_w"] > clip.bucket["width"]
    cut, other = (SIDEWAYS, UPRIGHT) if sideways else (UPRIGHT, SIDEWAYS)
    shape = f"{clip.bucket['width']}x{clip.bucket['height']}"
    evidence = {"loss": loss, "width": clip.bucket["width"], "height": clip.bucket["height"]}
    if clip.crop in (other if loss else (*cut, *other)):
        what = f"only {cut[0]} and {cut[1]} are cut for {shape}" if loss else f"nothing is cut for {shape}"
        message = f'crop = "{clip.crop}" changes nothing for {clip.path}: {what}'
        yield Hit(message, CAPTIONS, clip.key, severity="I", evidence=evidence, fix="remove it")
    elif loss > MUCH_CROPPED and clip.crop is None:
        width, height = clip.shown_size
        message = (
            f"{clip.path} is {width}x{height}: {loss:.0%} of it is cut off {cut[0]} and {cut[1]} for {shape}"
        )
        fix = f'say which side is kept with `crop = "{cut[0]}"`, "centre" or "{cut[1]}" in captions.toml'
        yield Hit(
            message, CAPTIONS, clip.key, evidence=evidence, fix=f"{fix}; or add a shape to [bucket] shapes"
        )


RULES = (unused_tail, crop_loss)
