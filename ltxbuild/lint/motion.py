"""Rules about how camera and subject move. They read the scan, never a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import hypot
from typing import Any

from ltxbuild.lint.facts import ClipFacts, SetFacts
from ltxbuild.lint.rule import Hit, Severity, rule

STATIC = 0.01  # widths a second: mean speed of the optical flow
SHAKE = 0.3  # widths a second: how much the camera's velocity jumps in a twelfth of a second
PAN, ZOOM = 0.03, 0.04  # widths a second, and the factor: slower is a camera at rest
SHARED, ENOUGH = 0.6, 8  # of the clips; clips
MIXED = 0.25
OWN_SHARE = 0.02  # of the picture that must move by itself for its direction to count


@rule("MOT201", "static", "W", "clip")
def static(clip: ClipFacts) -> Iterator[Hit]:
    """Hardly anything moves; for a motion LoRA that is an error.

    The mean speed of dense optical flow is under 0.01 widths a second. Real clips with a slow camera measure 0.035
    and more, a resting camera over grass 0.003. A video model learns from such a clip that the concept stands still.
    """
    value = clip.scan["flow"]
    if clip.moving and value < STATIC and clip.scan["camera"]:
        severity: Severity | None = "E" if clip.type == "motion" else None
        message = f"{clip.path} hardly moves ({value:.4f} widths a second, under {STATIC:g})"
        evidence = {"speed": value, "limit": STATIC}
        yield Hit(message, clip.path, clip.key, severity=severity, evidence=evidence)


@rule("MOT202", "shake", "W", "clip")
def shake(clip: ClipFacts) -> Iterator[Hit]:
    """The camera shakes.

    Its velocity jumps by more than 0.3 widths a second from one twelfth of a second to the next, in the mean over the
    clip. Film measures under 0.07, a hand that trembles by 3 % of the width 1.2. Stabilise the footage, unless shake is
    the concept.
    """
    rows = clip.scan["camera"] if clip.moving and clip.detailed else []
    jumps = [
        hypot(a[1] - 2 * b[1] + c[1], a[2] - 2 * b[2] + c[2])
        for a, b, c in zip(rows, rows[1:], rows[2:], strict=False)
    ]
    value = sum(jumps) / len(jumps) if jumps else 0.0
    if value > SHAKE:
        message = f"{clip.path} shakes (the camera's speed jumps by {value:.2f} widths a second)"
        yield Hit(message, clip.path, clip.key, evidence={"jump": round(value, 3), "limit": SHAKE})


def camera_move(scan: Mapping[str, Any]) -> str:
    """What the camera does over the whole clip, in a word; "" for rest or too little to tell."""
    rows = scan["camera"]
    if not rows:
        return ""
    # The picture moves against the camera.
    right, down, zoom = (sum(row[i] for row in rows) / len(rows) for i in (1, 2, 3))
    if abs(zoom) > ZOOM and abs(zoom) > max(abs(right), abs(down)):
        return "moves in" if zoom > 0 else "moves out"
    if max(abs(right), abs(down)) < PAN:
        return ""
    if abs(right) > abs(down):
        return "goes left" if right > 0 else "goes right"
    return "goes up" if down > 0 else "goes down"


@rule("MOT203", "shared-camera", "W", "set")
def shared_camera(dataset: SetFacts) -> Iterator[Hit]:
    """Most clips of a character, an object or a style have one and the same camera move: it becomes part of it.

    More than 60 % of at least 8 clips pan, tilt or zoom alike. Vary the camera, and name its move in the captions.
    """
    moves = {key: camera_move(scan) for key, scan in moving(dataset).items()}
    if dataset.type not in ("character", "object", "style") or len(moves) < ENOUGH:
        return
    move, number = Counter(moves.values()).most_common(1)[0]
    if move and number / len(moves) > SHARED:
        message = (
            f"in {number} of {len(moves)} clips the camera {move}: vary it, or it becomes part of the concept"
        )
        yield Hit(message, "clips/", evidence={"clips": number, "share": round(number / len(moves), 2)})


@rule("MOT204", "mixed-motion", "W", "set")
def mixed_motion(dataset: SetFacts) -> Iterator[Hit]:
    """The clips of a motion LoRA move in different directions.

    The mean velocity of what moves against the camera points away from the common direction in more than a quarter of
    the clips. A motion LoRA learns one unambiguous motion (training guide); mirror or leave out the others.
    """
    own = {
        key: scan["subject"] for key, scan in moving(dataset).items() if scan["subject"]["share"] >= OWN_SHARE
    }
    if dataset.type != "motion" or len(own) < ENOUGH // 2:
        return
    right, down = (sum(s[axis] for s in own.values()) for axis in ("right", "down"))
    against = sorted(key for key, s in own.items() if s["right"] * right + s["down"] * down < 0)
    if len(against) / len(own) > MIXED:
        message = f"{len(against)} of {len(own)} clips move against the others: {', '.join(against[:5])}"
        yield Hit(
            message, "clips/", evidence={"clips": len(against), "share": round(len(against) / len(own), 2)}
        )


def moving(dataset: SetFacts) -> dict[str, Any]:
    """The scans of readable videos, by key."""
    return {key: s for key, s in sorted(dataset.scans.items()) if s["error"] is None and s["frames"] > 1}


RULES = (static, shake, shared_camera, mixed_motion)
