"""Rules about what is seen in a clip between its start and end. They read the scan, never a file.

What is measured by light, sharpness or noise is asked of pictures from 80 pixels on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from ltxbuild.lint.facts import ClipFacts
from ltxbuild.lint.rule import Hit, Severity, rule

BLACK_PIXELS, BLACK_FRAMES = 0.98, 0.05
REPEATED = 0.35 / 255  # mean luma difference below which a frame repeats the one before
CADENCE = (0.35, 0.65)  # share of repeated frames
FLASHES = 3  # and more are flicker
BLURRED, SOFT = 25.0, 0.18
DARK, LIGHT = 25.0, 230.0  # mean luma of 255
NOISY, FLICKER = 8.0, 5.0


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
        yield Hit(message, clip.path, clip.key, clip.moments.get("first_black"), evidence=evidence, fix=fix)


@rule("PIX102", "dissolve", "I", "clip")
def dissolve(clip: ClipFacts) -> Iterator[Hit]:
    """The clip fades from one picture into another, or from or to black.

    Found where a picture is the mean of those a quarter of a second before and after it, to 12 % of their
    difference, though they differ by more than 25 of 255. The model would learn the transition. Leave it out with
    `start` or `end`.
    """
    times = clip.scan["dissolves"] if clip.moving else []
    if times:
        where = ", ".join(f"{time:.2f}" for time in times)
        yield Hit(f"{clip.path} fades or dissolves around {where} s", clip.path, clip.key, times[0])


@rule("PIX103", "flash", "W", "clip")
def flash(clip: ClipFacts) -> Iterator[Hit]:
    """A single frame differs from both neighbours, which are alike.

    A lightning, a camera flash or a frame of another shot left in by the cut: more than 25 of 255 on average in and
    out again. Three and more are flicker (PIX112).
    """
    times = clip.scan["flashes"] if clip.moving else []
    if len(times) < FLASHES:
        for time in times:
            yield Hit(f"{clip.path} flashes at {time:.2f} s", clip.path, clip.key, time)


@rule("PIX105", "duplicated-cadence", "W", "clip")
def duplicated_cadence(clip: ClipFacts) -> Iterator[Hit]:
    """About every second frame repeats the one before: 12 pictures a second in a file of 24.

    Fires when 35 to 65 % of the frames repeat, never more than two in a row. The model would learn to stutter.
    Animation on twos is made so: ignore the rule there.
    """
    repeated = [d < REPEATED for d in clip.scan["diff"][1:]] if clip.moving else []
    if not repeated or not CADENCE[0] <= sum(repeated) / len(repeated) <= CADENCE[1]:
        return
    longest = max(len(run) for run in "".join("r" if r else " " for r in repeated).split(" "))
    if longest <= 2:
        share = round(sum(repeated) / len(repeated), 3)
        message = f"{clip.path}: {share:.0%} of the frames repeat the one before"
        yield Hit(message, clip.path, clip.key, evidence={"share": share, "in_a_row": longest})


@rule("PIX108", "blur", "W", "clip")
def blur(clip: ClipFacts) -> Iterator[Hit]:
    """The clip is out of focus.

    The variance of the Laplacian at a longer side of 512 pixels, median over a frame each half second, is under 25.
    Sharp film measures 200 to 1,300, the same blurred by 4 pixels 7 to 23; a soft sky reached 36. Black clips
    are left to PIX106.
    """
    if clip.detailed and clip.scan["edges"] < BLURRED and mean_luma(clip) >= DARK:
        value = clip.scan["edges"]
        message = f"{clip.path} is blurred (sharpness {value:.0f}, under {BLURRED:.0f})"
        yield Hit(message, clip.path, clip.key, evidence={"sharpness": value, "limit": BLURRED})


@rule("PIX109", "upscaled", "W", "clip")
def upscaled(clip: ClipFacts) -> Iterator[Hit]:
    """The clip was enlarged before you got it: it holds no detail as fine as its pixels.

    The share of the amplitude above half of the highest frequency, in the middle 512 pixels, is under 0.18. Film at
    its own size measured 0.23 to 0.39, enlarged 1.5 times 0.15 to 0.18, twice 0.12 to 0.14. Use the original.
    """
    value = clip.scan["detail"] if clip.detailed else 1.0
    if value < SOFT and clip.scan["edges"] >= BLURRED and mean_luma(clip) >= DARK:
        message = f"{clip.path} looks enlarged: {value:.3f} of its detail is fine, under {SOFT:g}"
        yield Hit(message, clip.path, clip.key, evidence={"detail": value, "limit": SOFT})


@rule("PIX110", "exposure", "W", "clip")
def exposure(clip: ClipFacts) -> Iterator[Hit]:
    """Far too dark or far too bright: mean luma under 25 or over 230 of 255.

    A clip that is black altogether is left to PIX106.
    """
    value = mean_luma(clip) if clip.detailed else 128.0
    shares = clip.scan["black_share"]
    if value > LIGHT or (value < DARK and sum(s >= BLACK_PIXELS for s in shares) < len(shares) / 2):
        message = (
            f"{clip.path} is {'overexposed' if value > LIGHT else 'very dark'} (mean luma {value:.0f} of 255)"
        )
        yield Hit(
            message, clip.path, clip.key, evidence={"luma": round(value, 1), "low": DARK, "high": LIGHT}
        )


@rule("PIX111", "noise", "W", "clip")
def noise(clip: ClipFacts) -> Iterator[Hit]:
    """Noise or grain that the model would learn as part of the concept.

    Immerkaer's estimate of its standard deviation is over 8 of 255 (film measures 0.1 to 2.7, noise of 25 measures
    25). If the grain is the style, ignore the rule.
    """
    value = clip.scan["noise"] if clip.detailed else 0.0
    if value > NOISY:
        message = f"{clip.path} is noisy (sigma {value:.1f} of 255, over {NOISY:.0f})"
        yield Hit(message, clip.path, clip.key, evidence={"sigma": value, "limit": NOISY})


@rule("PIX112", "flicker", "W", "clip")
def flicker(clip: ClipFacts) -> Iterator[Hit]:
    """The brightness jumps from frame to frame: artificial light, or an automatic exposure that hunts.

    The median of the absolute second difference of the frames' luma is over 5 of 255 (film measures 0.1 to 2.3).
    """
    light = clip.scan["luma_mean"] if clip.moving else []
    second = [abs(a - 2 * b + c) for a, b, c in zip(light, light[1:], light[2:], strict=False)]
    value = median(second) if second else 0.0
    if value > FLICKER:
        message = f"{clip.path} flickers (luma jumps by {value:.1f} of 255)"
        yield Hit(message, clip.path, clip.key, evidence={"jump": round(value, 2), "limit": FLICKER})


def mean_luma(clip: ClipFacts) -> float:
    """Over all frames, 0 to 255."""
    light: list[float] = clip.scan["luma_mean"]
    return sum(light) / max(1, len(light))


RULES = (
    hard_cut,
    dissolve,
    flash,
    frozen,
    duplicated_cadence,
    black,
    blur,
    upscaled,
    exposure,
    noise,
    flicker,
)
