"""How camera and subject move, by dense optical flow on small pictures. Judges nothing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ltxbuild.job import Json, JsonDict
from ltxbuild.stages.media.measures import Floats
from ltxbuild.stages.media.seen import Seen

STEP = 1 / 12  # seconds between two pictures that are compared
MOST = 240  # comparisons a clip
SMALLEST = 48  # pixels: smaller pictures hold too few patches to follow
OWN = 0.03  # widths a second that a pixel must move against the camera to count as the subject's


class Camera:
    """The movement of the picture as a whole, and what moves against it."""

    def __init__(self) -> None:
        make: Any = cv2.DISOpticalFlow_create  # type: ignore[attr-defined]
        self._flow = make(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._before: tuple[float, Any] | None = None
        self._moves: list[list[float]] = []  # time, right, down, zoom
        self._speed: list[float] = []
        self._own: list[tuple[float, float, float]] = []  # share of the picture, right, down

    def see(self, seen: Seen) -> None:
        """Take one frame in."""
        light = np.clip(seen.light, 0, 255).astype(np.uint8)
        if min(light.shape) < SMALLEST or len(self._moves) >= MOST:
            return
        if self._before is None:
            self._before = seen.time, light
            return
        gap = seen.time - self._before[0]
        if gap < STEP - 1e-3:
            return
        cv2.setNumThreads(1)  # the same sums on every machine
        flow: Floats = self._flow.calc(self._before[1], light, None) / light.shape[1] / gap
        self._before = seen.time, light
        right, down, zoom, rest = camera_of(flow)
        self._moves.append([round(v, 4) for v in (seen.time, right, down, zoom)])
        self._speed.append(float(np.hypot(flow[..., 0], flow[..., 1]).mean()))
        moving = np.hypot(rest[..., 0], rest[..., 1]) > OWN
        mean = rest[moving].mean(0) if moving.any() else np.zeros(2)
        self._own.append((float(moving.mean()), float(mean[0]), float(mean[1])))

    def facts(self) -> JsonDict:
        """`camera` rows of [time, right, down, zoom] in widths (zoom: factor) a second; `flow` the mean speed.

        `subject`: the mean share of the picture that moves against the camera, and its mean velocity.
        """
        rows: list[Json] = [list(row) for row in self._moves]
        own = np.mean(self._own, axis=0).tolist() if self._own else [0.0, 0.0, 0.0]
        share, right, down = (round(float(v), 4) for v in own)
        return {
            "camera": rows,
            "flow": round(float(np.mean(self._speed)), 5) if self._speed else 0.0,
            "subject": {"share": share, "right": right, "down": down},
        }


def camera_of(flow: Floats) -> tuple[float, float, float, Floats]:
    """Translation and zoom that most of a flow [h, w, 2] agrees with, and the flow without them.

    Medians, so that a subject of less than half of the picture does not count.
    """
    height, width = flow.shape[:2]
    x = ((np.arange(width, dtype=np.float32) - (width - 1) / 2) / width)[None, :]
    y = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) / width)[:, None]
    right, down = (float(np.median(flow[..., i])) for i in (0, 1))
    rest: Any = flow - np.array([right, down], np.float32)
    radius = x * x + y * y
    outer = radius > np.median(radius)  # near the middle a zoom moves nothing
    zoom = float(np.median(((rest[..., 0] * x + rest[..., 1] * y) / np.maximum(radius, 1e-6))[outer]))
    rest = rest - zoom * np.stack(np.broadcast_arrays(x, y), -1)
    return right, down, zoom, np.asarray(rest, np.float32)
