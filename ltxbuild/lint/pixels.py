"""Rules about what is seen in a clip between its start and end. They read the scan, never a file."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ltxbuild.lint.facts import ClipFacts
from ltxbuild.lint.rule import Hit, Severity, rule

BLACK_PIXELS, BLACK_FRAMES = 0.98, 0.05
FROZEN_LEAST = 0.5  # seconds


@rule("PIX101", "hard-cut", "E", "clip")
def hard_cut(clip: ClipFacts) -> Iterator[Hit]:
    """The clip holds more than one shot: the model would learn the cut.

    Found by the adaptive content detector (ratio 3.0, least content 15, window 2, shots of one frame and
    more). What `start` and `end` leave out is not looked at. Set them to one shot, or split the clip.
    """
    if not clip.moving:
        return
    for cut in clip.scan["cuts"]:
        message = f"{clip.path} has a hard cut at {cut['time']:.2f} s"
        evidence = {"ratio": cut["score"]}
        # Rounded away from the cut: the frame at its time already belongs to the next shot.
        before, after = math.floor(cut["time"] * 100) / 100, math.ceil(cut["time"] * 100) / 100
        fix = f"`end = {before:.2f}` or `start = {after:.2f}` in captions.toml"
        yield Hit(message, clip.path, clip.key, cut["time"], evidence=evidence, fix=fix)


@rule("PIX104", "frozen", "W", "clip")
def frozen(clip: ClipFacts) -> Iterator[Hit]:
    """The picture stands still: for half a second a warning, for half the clip an error.

    Fires when frames differ by less than 0.35 of 255 on average. The model would learn that nothing moves.
    """
    stretches = clip.scan["frozen"] if clip.moving else []
    if not stretches:
        return
    still = sum(end - start for start, end in stretches)
    share = still / clip.scan["duration"]
    message = f"{clip.path} stands still for {still:.2f} s ({share:.0%} of it)"
    evidence = {"seconds": round(still, 3), "share": round(share, 3)}
    severity: Severity | None = "E" if share >= 0.5 else None
    yield Hit(message, clip.path, clip.key, stretches[0][0], severity, evidence, "set `start` or `end`")


@rule("PIX106", "black", "E", "clip")
def black(clip: ClipFacts) -> Iterator[Hit]:
    """More than 5 % of the frames are black.

    A frame is black when at least 98 % of its pixels are under 10 % luma: a fade, or a leader. The share of
    such frames is measured between `start` and `end`.
    """
    shares = clip.scan["black_share"] if clip.readable else []
    dark = [index for index, share in enumerate(shares) if share >= BLACK_PIXELS]
    if dark and len(dark) / len(shares) > BLACK_FRAMES:
        message = f"{clip.path}: {len(dark)} of {len(shares)} frames are black"
        evidence = {"frames": len(dark), "share": round(len(dark) / len(shares), 3)}
        fix = "set `start` or `end` so that they are left out"
        yield Hit(message, clip.path, clip.key, evidence=evidence, fix=fix)


RULES = (hard_cut, frozen, black)
