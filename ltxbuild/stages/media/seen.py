"""What an observer of a clip gets for each frame, and what it is. Knows no observer and no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from av.video.frame import VideoFrame

from ltxbuild.job import JsonDict
from ltxbuild.stages.media.measures import Floats, Picture


@dataclass(frozen=True)
class Seen:
    """One frame: `time` in seconds of the clip, small and upright `picture` and its `light`, and as it is stored."""

    time: float
    picture: Picture
    light: Floats
    frame: VideoFrame


class Observer(Protocol):
    """Sees every frame once, in order, and says at the end what it found."""

    def see(self, seen: Seen) -> None:
        """Take one frame in."""

    def facts(self) -> JsonDict:
        """What was found, for scan.json."""
