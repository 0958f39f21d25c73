"""What an observer of a clip gets for each frame, and what it is. Knows no observer and no file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from av.video.frame import VideoFrame

from ltxbuild.job import JsonDict
from ltxbuild.stages.media.measures import Floats, Picture

EVERY, MOST = 0.5, 24  # seconds between two frames that are looked at closely, and how many of them at most


@dataclass(frozen=True)
class Seen:
    """One frame: `time` in seconds of the clip, small and upright `picture` and its `light`, and as it is stored."""

    time: float
    picture: Picture
    light: Floats
    frame: VideoFrame

    @cached_property
    def full(self) -> Floats:
        """Luma 0 to 255, full range, at the stored size; made once, if an observer asks for it."""
        plain: Any = self.frame.reformat(format="gray", dst_color_range="JPEG", threads=1).to_ndarray()
        return np.asarray(plain, np.float32)


@dataclass
class Pace:
    """Which frames an observer looks at: one every so many seconds, and so many at most."""

    every: float = EVERY
    most: int = MOST
    looks: int = 0
    _next: float = 0.0

    def due(self, time: float) -> bool:
        """Whether the frame at this time is to be looked at; asked once for each frame, in order."""
        if time < self._next or self.looks >= self.most:
            return False
        self._next, self.looks = time + self.every, self.looks + 1
        return True


class Observer(Protocol):
    """Sees every frame once, in order, and says at the end what it found."""

    def see(self, seen: Seen) -> None:
        """Take one frame in."""

    def facts(self) -> JsonDict:
        """What was found, for scan.json."""
