"""Rules about clips as files and streams. They read probe and scan results, never a file."""

from __future__ import annotations

from collections.abc import Iterator

from ltxbuild.lint.facts import ClipFacts, SetFacts
from ltxbuild.lint.rule import CAPTIONS, Hit, Severity, rule

FRAME_RATE_SLACK = 0.5  # frames per second
ASPECT_SLACK = 0.01
COMBS = 1.5
VARIABLE = 0.1  # (max - min) / median frame interval


@rule("CLP001", "unreadable", "E", "clip")
def unreadable(clip: ClipFacts) -> Iterator[Hit]:
    """The clip cannot be opened or decoded.

    The file is empty, is no video that can be read (mp4, mov, mkv, webm, avi, gif, png, jpg), holds no
    picture, or has frames too large to decode. Replace the file, or set `skip = true` for it in
    captions.toml.
    """
    for error in (clip.probe["error"], clip.scan["error"]):
        if error is not None and error["code"] == "CLP001":
            yield Hit(f"{clip.path} cannot be read: {error['message']}", clip.path, clip.key)
            return


@rule("CLP002", "truncated", "E", "clip")
def truncated(clip: ClipFacts) -> Iterator[Hit]:
    """The file breaks off: fewer frames can be decoded than it declares.

    A copy or download was interrupted. Two frames, or 2 % of them, may be missing without a finding, because
    edit lists hide some. Copy the file again, or keep its good part with `end`.
    """
    error = clip.scan["error"]
    if error is not None and error["code"] == "CLP002":
        evidence = {"decoded": clip.scan["source_frames"], "declared": clip.probe["declared_frames"]}
        yield Hit(f"{clip.path}: {error['message']}", clip.path, clip.key, evidence=evidence)


@rule("CLP003", "below-bucket", "E", "clip")
def below_bucket(clip: ClipFacts) -> Iterator[Hit]:
    """The clip has fewer frames than the smallest bucket of the base.

    Counted at the base's frame rate, after `start` and `end`. Stills are exempt: they train as one frame. Use
    a longer piece, or a frame of it as png.
    """
    error = clip.scan["error"]
    if error is not None and error["code"] == "CLP003":
        yield Hit(f"{clip.path}: {error['message']}", CAPTIONS, clip.key, evidence={"frames": 0})
        return
    least = clip.smallest.get("frames", 0)
    frames = round(clip.scan["duration"] * clip.ranges.number("fps"))
    if clip.moving and frames < least:
        message = f"{clip.path} has {frames} frames, the smallest bucket {least}"
        yield Hit(message, clip.path, clip.key, evidence={"frames": frames, "least": least})


@rule("CLP004", "duration", "W", "clip")
def duration(clip: ClipFacts) -> Iterator[Hit]:
    """The clip is shorter or longer than what trains well.

    The training guide advises clips of 2 to 5 seconds; a base's card may name another range. Stills are
    exempt. Set `start` and `end`, or cut long footage into clips.
    """
    low, high = clip.ranges.pair("duration")
    seconds = clip.scan["duration"]
    if clip.moving and not low - 0.02 <= seconds <= high + 0.02:
        message = f"{clip.path} is {seconds:.2f} s long; {low:g} to {high:g} s train best"
        yield Hit(message, clip.path, clip.key, evidence={"seconds": seconds, "low": low, "high": high})


@rule("CLP006", "frame-rate", "W", "clip")
def frame_rate(clip: ClipFacts) -> Iterator[Hit]:
    """The clip's frame rate is not the base's: it is resampled.

    Fires when the rate is off by more than 0.5 frames per second (the guide asks for 24). Resampling takes
    the frame nearest in time, so motion from 30 or 60 fps gets a slight judder.
    """
    wanted = clip.ranges.number("fps")
    fps = clip.probe["fps"]
    if clip.moving and not clip.probe["vfr"] and abs(fps - wanted) > FRAME_RATE_SLACK:
        message = f"{clip.path} has {fps:.4g} frames per second: resampled to {wanted:g}"
        yield Hit(message, clip.path, clip.key, evidence={"fps": fps, "wanted": wanted})


@rule("CLP007", "variable-rate", "W", "clip")
def variable_rate(clip: ClipFacts) -> Iterator[Hit]:
    """Frames come at irregular times: the clip is resampled to a constant rate.

    Measured as (longest - shortest) / median interval between frames, over 0.1. Constant rates measure 0, a
    phone's variable rate 12. Screen recordings and phones make such files.
    """
    spread = clip.probe["irregularity"]
    if clip.moving and clip.probe["vfr"] and spread > VARIABLE:
        message = f"{clip.path} has a variable frame rate (spread {spread:.2f}): resampled by time"
        yield Hit(message, clip.path, clip.key, evidence={"spread": spread, "limit": VARIABLE})


@rule("CLP008", "rotation", "W", "clip")
def rotation(clip: ClipFacts) -> Iterator[Hit]:
    """The file asks players to turn or mirror the picture: this is done to the frames.

    Phones store sideways frames with a display matrix. Players show them upright, plain decoders do not. The
    frames are turned before training; look at the preview to see that they stand as you expect.
    """
    turn = clip.probe["rotation"]
    if clip.readable and (turn or clip.probe["mirrored"]):
        how = f"turned by {turn} degrees" if turn else "mirrored"
        message = f"{clip.path} is stored sideways or mirrored: {how} as the file asks for"
        yield Hit(message, clip.path, clip.key, evidence={"degrees": turn})


@rule("CLP009", "pixel-aspect", "W", "clip")
def pixel_aspect(clip: ClipFacts) -> Iterator[Hit]:
    """Pixels are not square: the frames are stretched until they are.

    Fires when the sample aspect ratio is off 1:1 by more than 1 %.
    """
    wide, high = clip.probe["sar"]
    if clip.readable and abs(wide / high - 1) > ASPECT_SLACK:
        message = f"{clip.path} has pixels of {wide}:{high}: made square"
        yield Hit(message, clip.path, clip.key, evidence={"aspect": round(wide / high, 4)})


@rule("CLP010", "upscaled-to-fit", "W", "clip")
def upscaled_to_fit(clip: ClipFacts) -> Iterator[Hit]:
    """The clip is smaller than the smallest bucket and would be enlarged; an error below half of it.

    What is enlarged teaches the model blur. Use a larger original.
    """
    wide, high = clip.smallest.get("width", 0), clip.smallest.get("height", 0)
    if not clip.readable or not wide or not high:
        return
    size = clip.shown_size
    # Either way round: the ladder has upright shapes for upright clips.
    scale = max(max(wide, high) / max(size), min(wide, high) / min(size))
    if scale > 1:
        severity: Severity = "E" if scale > 2 else "W"
        message = f"{clip.path} is {size[0]}x{size[1]}: enlarged {scale:.2f} times to fit the smallest bucket"
        evidence = {"scale": round(scale, 3), "width": size[0], "height": size[1]}
        yield Hit(message, clip.path, clip.key, severity=severity, evidence=evidence)


@rule("CLP012", "interlaced", "W", "clip")
def interlaced(clip: ClipFacts) -> Iterator[Hit]:
    """The frames are interlaced: moving edges are combs, which the model would learn.

    Where the decoder flags it, the frames are deinterlaced. Without the flag nothing is done: there moving pixels are
    more than 1.5 times as far from their neighbours in the other field as these from each other (progressive film
    measures 0.4 to 0.9). Deinterlace such footage before it is used.
    """
    ratio = clip.scan["combing"] if clip.moving else 0.0
    if clip.moving and clip.probe["interlaced"]:
        message = f"{clip.path} is interlaced: deinterlaced before training"
        yield Hit(message, clip.path, clip.key, evidence={"combing": ratio})
    elif ratio > COMBS:
        message = f"{clip.path} looks interlaced (combing {ratio:.1f}), though the file does not say so"
        yield Hit(message, clip.path, clip.key, evidence={"combing": ratio, "limit": COMBS})


@rule("CLP013", "hdr", "W", "clip")
def hdr(clip: ClipFacts) -> Iterator[Hit]:
    """The clip is HDR (PQ or HLG): it is tone-mapped to BT.709, which the model expects.

    Highlights from 203 to 1,000 nits are compressed (ITU-R BT.2390). A look that somebody chose is better: look at the
    preview, or convert the clip with a tone mapping of your choice.
    """
    if clip.readable and clip.probe["transfer"] in ("pq", "hlg"):
        kind = str(clip.probe["transfer"]).upper()
        yield Hit(f"{clip.path} is HDR ({kind}): tone-mapped to BT.709", clip.path, clip.key)


@rule("CLP014", "orphan", "E", "set")
def orphan(dataset: SetFacts) -> Iterator[Hit]:
    """A clip without a caption, or a caption without a clip.

    Keys in captions.toml are file names in clips/, with or without extension. Write the missing line, correct
    the name, or set `skip = true`.
    """
    for key in sorted(dataset.orphans):
        message = f"captions.toml describes {key}, but clips/ has no such file"
        yield Hit(message, CAPTIONS, key, fix="correct the name or remove the line")
    for key, caption in sorted(dataset.captions.items()):
        if caption is None:
            message = f"{dataset.path(key)} has no caption in captions.toml"
            yield Hit(message, dataset.path(key), key, fix=f'add: {key} = "..."')


@rule("CLP015", "unpaired", "E", "set")
def unpaired(dataset: SetFacts) -> Iterator[Hit]:
    """In a control set, a clip without a reference, or a reference without a clip.

    Each clip is what the LoRA shall make of its reference: a file of the same name in references/, of any kind that
    clips/ may have.
    """
    for key in sorted(dataset.bare):
        message = f"{dataset.path(key)} has no reference"
        yield Hit(message, dataset.path(key), key, fix="put its input into references/ under the same name")
    for path in sorted(dataset.strays):
        yield Hit(f"{path} belongs to no clip", path, fix="give it its clip's name, or move it away")


RULES = (
    unreadable,
    truncated,
    below_bucket,
    duration,
    frame_rate,
    variable_rate,
    rotation,
    pixel_aspect,
    upscaled_to_fit,
    interlaced,
    hdr,
    orphan,
    unpaired,
)
