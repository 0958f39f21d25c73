"""Rules about the clips' audio. Where none is trained, what they find informs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ltxbuild.job import Json
from ltxbuild.lint.facts import ClipFacts, SetFacts
from ltxbuild.lint.rule import Hit, Severity, rule

SILENT = -60.0  # dBFS
CLIPPED = 0.001  # of the samples
OFF = 0.05  # seconds


def _weighed(facts: ClipFacts | SetFacts) -> Severity | None:
    """A warning where sound is trained; None leaves the rule's own severity."""
    return "W" if facts.audio else None


def _in(clip: ClipFacts, message: str, evidence: Mapping[str, Json]) -> Hit:
    return Hit(message, clip.path, clip.key, severity=_weighed(clip), evidence=evidence)


@rule("AUD501", "audio-missing", "I", "set")
def audio_missing(dataset: SetFacts) -> Iterator[Hit]:
    """Some clips have audio and some have none.

    With [train] audio a clip without is trained as a picture alone, beside the others; where no clip has any, there is
    nothing to train on, and that is an error.
    """
    readable = {k: s for k, s in sorted(dataset.scans.items()) if s["error"] is None and s["frames"] > 1}
    silent = [key for key, scan in readable.items() if scan["sound"] is None]
    if dataset.audio and len(silent) == len(readable):
        message = f'no clip has audio, and [train] audio = "{dataset.audio}" needs some'
        yield Hit(message, "clips/", severity="E", evidence={"clips": len(silent)})
    elif silent and len(silent) < len(readable):
        message = f"{len(silent)} of {len(readable)} clips have no audio: {', '.join(silent[:5])}"
        yield Hit(message, "clips/", severity=_weighed(dataset), evidence={"clips": len(silent)})


@rule("AUD502", "audio-silent", "I", "clip")
def audio_silent(clip: ClipFacts) -> Iterator[Hit]:
    """There is an audio track, but nothing on it: under -60 dBFS, root mean square."""
    sound = clip.scan["sound"] if clip.moving else None
    if sound and sound["level"] < SILENT:
        message = f"{clip.path} has a silent audio track ({sound['level']:.0f} dBFS)"
        yield _in(clip, message, {"level": sound["level"], "limit": SILENT})


@rule("AUD503", "audio-clipped", "I", "clip")
def audio_clipped(clip: ClipFacts) -> Iterator[Hit]:
    """The audio is distorted: more than 0.1 % of its samples are at full scale."""
    sound = clip.scan["sound"] if clip.moving else None
    if sound and sound["clipped"] > CLIPPED:
        message = f"{clip.path}: {sound['clipped']:.2%} of the audio is at full scale"
        yield _in(clip, message, {"share": sound["clipped"], "limit": CLIPPED})


@rule("AUD504", "audio-length", "I", "clip")
def audio_length(clip: ClipFacts) -> Iterator[Hit]:
    """Audio and video differ in length by more than 50 ms.

    What is missing at the end is filled with silence, what is too much is left out.
    """
    audio = clip.probe["audio"] if clip.moving else None
    if audio and audio["duration"] and abs(audio["duration"] - clip.probe["duration"]) > OFF:
        off = audio["duration"] - clip.probe["duration"]
        message = f"the audio of {clip.path} is {abs(off):.2f} s {'longer' if off > 0 else 'shorter'} than its video"
        yield _in(clip, message, {"seconds": round(off, 3), "limit": OFF})


RULES = (audio_missing, audio_silent, audio_clipped, audio_length)
