"""Facts of a clip that no rule complains about, to be spoiled one by one."""

from __future__ import annotations

from typing import Any

from ltxbuild.job import JsonDict
from ltxbuild.lint.facts import ClipFacts, Ranges, SetFacts, SettingsFacts
from ltxbuild.lint.registry import RULES
from ltxbuild.stages.bucket import Ladder, choose_bucket

CAPTION = "mira_char, a woman with a red scarf, walks along a rainy street at night."

PROBE: dict[str, Any] = {
    "error": None, "kind": "video", "container": "mov", "codec": "h264", "width": 960, "height": 540,
    "rotation": 0, "mirrored": False, "sar": [1, 1], "fps": 24.0, "declared_frames": 72, "duration": 3.0,
    "vfr": False, "irregularity": 0.0, "transfer": "bt709", "interlaced": False,
    "audio": None,
}  # fmt: skip
SCAN: dict[str, Any] = {
    "error": None, "frames": 72, "duration": 3.0, "source_frames": 72, "damaged": 0,
    "luma_mean": [120.0] * 72,
    "black_share": [0.1] * 72, "diff": [0.01] * 72, "cuts": [], "frozen": [],
    "hash": ["0123456789abcdef"] * 5, "mirrored": ["fedcba9876543210"] * 5,
    "ends": ["00ff00ff00ff00ff", "5a5a5a5a5a5a5a5a"], "flashes": [], "dissolves": [], "sound": None,
    "bars": {"top": 0.0, "bottom": 0.0, "left": 0.0, "right": 0.0}, "edges": 530.0, "noise": 1.0, "detail": 0.3,
    "camera": [[0.1, 0.0, 0.0, 0.0]] * 20, "flow": 0.05, "subject": {"share": 0.1, "right": 0.05, "down": 0.0},
    "combing": 0.5, "letters": [], "colours": [10] * 96, "border": [10] * 96,
    "edges_map": {"width": 2, "data": "0" * 5},
}  # fmt: skip


LADDER = Ladder(((768, 512), (832, 480), (480, 832)), (1, 33, 73), 4096, 32, 8)


def bucket(
    width: int = 960, height: int = 540, count: int = 72, ladder: Ladder = LADDER, **more: Any
) -> JsonDict:
    """The bucket of a clip, with some facts replaced."""
    return {**choose_bucket(width, height, count, ladder), **more}


def clip_facts(
    probe: dict[str, Any] | None = None,
    scan: dict[str, Any] | None = None,
    ranges: dict[str, Any] | None = None,
    **more: Any,
) -> ClipFacts:
    """A good clip with some facts replaced."""
    facts: dict[str, Any] = {
        "key": "mira_01",
        "path": "clips/mira_01.mp4",
        "caption": CAPTION,
        "trigger": "mira_char",
        "class_word": "woman",
        "type": "character",
        "draft": False,
        "smallest": {"frames": 33, "width": 512, "height": 320},
        "bucket": bucket(),
    }
    return ClipFacts(
        **{**facts, **more},
        probe={**PROBE, **(probe or {})},
        scan={**SCAN, **(scan or {})},
        ranges=Ranges(ranges or {}),
    )


def code_hash(number: int) -> list[str]:
    """Five equal hashes, far from those of other numbers."""
    value = (number * 0x9E3779B97F4A7C15 + number * number * 0xD1B54A32D192ED03) % 2**64
    return [f"{value:016x}"] * 5


_PLACES = (
    "harbour",
    "forest",
    "kitchen",
    "rooftop",
    "library",
    "desert",
    "stadium",
    "train",
    "garden",
    "museum",
    "bridge",
    "cellar",
)
_DEEDS = (
    "runs",
    "sings",
    "reads",
    "waits",
    "climbs",
    "cooks",
    "paints",
    "sleeps",
    "dances",
    "writes",
    "swims",
    "laughs",
)


def distinct_caption(i: int) -> str:
    """One of twelve captions that no rule finds too alike."""
    deed, place, other = _DEEDS[i % 12], _PLACES[i % 12], _PLACES[(i * 5 + 3) % 12]
    how, what = ("quietly", "slowly", "alone")[i % 3], ("wall", "gate", "stair", "roof")[i % 4]
    return f"mira_char {deed} {how} near a {place} {other} {what}"


def set_facts(number: int = 12, **more: Any) -> SetFacts:
    """A good set of `number` clips, up to 12 of them different, with some facts replaced."""
    captions = {f"c{i:02d}": distinct_caption(i) for i in range(number)}
    facts: dict[str, Any] = {
        "captions": captions,
        "scans": {key: {**SCAN, "hash": code_hash(i + 1)} for i, key in enumerate(captions)},
        "orphans": (),
        "trigger": "mira_char",
        "type": "style",
        "mode": "fast",
    }
    return SetFacts(**{**facts, **more})


def settings_facts(**more: Any) -> SettingsFacts:
    """Good settings with some replaced."""
    facts: dict[str, Any] = {
        "trigger": "mira_char",
        "class_word": "woman",
        "type": "character",
        "mode": "quality",
        "clips": 20,
        "train": {"rank": 8, "learning_rate": 1e-4, "steps": 1800},
    }
    return SettingsFacts(**{**facts, **more})


def hits(code: str, facts: object) -> list[JsonDict]:
    """What one rule finds."""
    return RULES[code].findings(facts)
