"""What rules judge: the facts of one clip, of the set, of the settings. Knows no rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# The training guide's ranges, for a base whose card names no others.
DEFAULTS: Mapping[str, tuple[float, ...]] = {
    "duration": (2.0, 5.0),  # seconds of a clip
    "fewest": (8,),  # clips, below which overfitting is likely
    "count": (10, 40),  # clips
    "learning_rate": (5e-5, 3e-4),
    "steps": (1500, 2500),  # of quality
    "fps": (24.0,),
    "words": (8, 60),  # of a caption, besides the trigger
    "sentences": (2,),
    "views_fast": (15, 60),  # how often a clip is seen: steps x batch / clips
    "views_quality": (40, 250),
}


DETAILED = 80  # pixels of the shorter side


@dataclass(frozen=True)
class Ranges:
    """Sensible ranges, from the base's card where it has them."""

    given: Mapping[str, Any]

    def pair(self, name: str) -> tuple[float, float]:
        """Lower and upper end."""
        low, high = self.given.get(name, DEFAULTS[name])
        return float(low), float(high)

    def flag(self, name: str) -> bool:
        """Whether something is asked for; it is where the card does not say otherwise."""
        return bool(self.given.get(name, True))

    def texts(self, name: str) -> tuple[str, ...]:
        """Words, none where the card has none."""
        return tuple(self.given.get(name, ()))

    def number(self, name: str) -> float:
        """A single figure."""
        value = self.given.get(name, DEFAULTS[name][0])
        return float(value[0] if isinstance(value, (list, tuple)) else value)


@dataclass(frozen=True)
class ClipFacts:
    """One clip as probe and scan saw it, with its caption; `smallest` is the least bucket.

    `bucket` is the one that it will get (empty where it is not known), `crop` the side of it that the user named, `audio`
    what becomes of its sound (None: nothing).
    """

    key: str
    path: str
    caption: str | None
    trigger: str
    class_word: str
    type: str
    draft: bool
    probe: Mapping[str, Any]
    scan: Mapping[str, Any]
    moments: Mapping[str, Any] = field(default_factory=dict)
    ranges: Ranges = field(default_factory=lambda: Ranges({}))
    smallest: Mapping[str, int] = field(default_factory=dict)
    bucket: Mapping[str, Any] = field(default_factory=dict)
    crop: str | None = None
    audio: str | None = None

    @property
    def readable(self) -> bool:
        """True when the clip could be decoded, so that its pixels can be judged."""
        return self.probe["error"] is None and self.scan["error"] is None

    @property
    def moving(self) -> bool:
        """True for a readable video; stills are exempt from what concerns time."""
        return self.readable and self.probe["kind"] == "video"

    @property
    def detailed(self) -> bool:
        """True for a picture large enough that light, sharpness and noise can be told from what it shows."""
        return self.readable and min(self.probe["width"], self.probe["height"]) >= DETAILED

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height with square pixels, upright."""
        width, height = float(self.probe["width"]), float(self.probe["height"])
        aspect = self.probe["sar"][0] / self.probe["sar"][1]
        if aspect > 1:
            width *= aspect
        else:
            height /= aspect
        size = round(width), round(height)
        return size[::-1] if self.probe["rotation"] in (90, 270) else size


@dataclass(frozen=True)
class SetFacts:
    """All clips together: captions by key (None: none), scans by key, captions without clip.

    `repeats` by key where a clip is drawn more or less often than once (its repeats times its weight). Of a control set,
    `bare` are the keys of clips without a reference, `strays` the paths of references without a clip.
    """

    captions: Mapping[str, str | None]
    scans: Mapping[str, Mapping[str, Any]]
    orphans: tuple[str, ...]
    trigger: str
    type: str
    mode: str
    ranges: Ranges = field(default_factory=lambda: Ranges({}))
    paths: Mapping[str, str] = field(default_factory=dict)
    class_word: str = ""
    bare: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    audio: str | None = None
    repeats: Mapping[str, float] = field(default_factory=dict)

    def path(self, key: str) -> str:
        """The clip's file, as far as it is known."""
        return self.paths.get(key, f"clips/{key}")


@dataclass(frozen=True)
class IgnoredFacts:
    """What clips say is to be ignored in them although nothing of that kind was found: codes or names by key."""

    unused: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SettingsFacts:
    """The settings that rules judge: trigger and the training of the final mode."""

    trigger: str
    class_word: str
    type: str
    mode: str
    clips: int
    train: Mapping[str, Any]
    ranges: Ranges = field(default_factory=lambda: Ranges({}))


@dataclass(frozen=True)
class TokenFacts:
    """What the base's tokenizer makes of the words: tokens of each caption, and whether the trigger is one of them."""

    trigger: str
    whole: bool
    counts: Mapping[str, int]
    length: int


@dataclass(frozen=True)
class SubjectFacts:
    """Where a detector found the class word in the pictures of a clip: boxes [left, top, right, bottom,
    score] in shares.
    """

    key: str
    path: str
    word: str
    pictures: Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True)
class HeardFacts:
    """What a listener heard in a clip: labels with their shares, the likeliest first."""

    key: str
    path: str
    caption: str | None
    sounds: Sequence[tuple[str, float]]
