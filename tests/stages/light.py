"""Golden cases of the stages that only calculate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ltxbuild.lint.facts import ClipFacts, SetFacts, SettingsFacts
from tests.lint.material import SCAN, clip_facts, code_hash, settings_facts
from tests.lint.test_rules import FIRES
from tests.stages.bench import Bench

Case = Callable[[Bench], Path]
LADDER: dict[str, Any] = {
    "shapes": [[64, 64], [96, 64], [64, 96]], "frames": [1, 9, 17], "budget": 120,
    "grid": 32, "spatial": 16, "temporal": 4,
}  # fmt: skip


def bucket(width: int, height: int, frames: int) -> Case:
    facts = {"width": width, "height": height, "frames": frames}
    return lambda bench: bench.run("bucket", {"facts": bench.json(facts)}, **LADDER)


WOMAN, OTHER = [0.1, 0.1, 0.5, 0.9, 0.9], [0.6, 0.3, 0.9, 0.9, 0.6]


def lint_asked(boxes: list[list[float]], *sounds: list[Any]) -> Case:
    """One clip in whose two pictures a detector saw the same, and in which a listener heard something or was not asked."""

    def run(bench: Bench) -> Path:
        seen = {"word": "woman", "pictures": [{"time": 0.5 * i, "boxes": boxes} for i in range(2)]}
        member = {"subject": bench.json(seen)}
        if sounds:
            member["hearing"] = bench.json({"sounds": [*sounds]})
        about = {"paths": {"a": "clips/a.mp4"}, "captions": {"a": "mira_char walks."}}
        return bench.run("lint_asked", {"clips": {"a": member}}, **about, severity={"SUB302": "E"})

    return run


def lint_clip(facts: ClipFacts) -> Case:
    def run(bench: Bench) -> Path:
        inputs = {
            "probe": bench.json(dict(facts.probe)),
            "scan": bench.json(dict(facts.scan)),
            "moments": bench.json(dict(facts.moments)),
        }
        return bench.run(
            "lint_clip", inputs, clip=facts.key, path=facts.path, caption=facts.caption, draft=facts.draft,
            trigger=facts.trigger, type=facts.type, ranges=dict(facts.ranges.given), smallest=dict(facts.smallest),
            **{"class": facts.class_word},
        )  # fmt: skip

    return run


def lint(facts: SetFacts | SettingsFacts, findings: tuple[Any, ...] = ()) -> Case:
    """One rule of the set or the settings, weighed with findings of clips."""

    def run(bench: Bench) -> Path:
        others = {f"c{i:02d}": {**SCAN, "hash": code_hash(i + 1)} for i in range(20)}
        scans = facts.scans if isinstance(facts, SetFacts) else others
        none = bench.json([])
        clips = {key: {"findings": none, "scan": bench.json(dict(scan))} for key, scan in scans.items()}
        clips |= {"a": {"findings": bench.json(list(findings)), "scan": bench.json(SCAN)}} if findings else {}
        given: dict[str, Any] = {"mode": facts.mode, "trigger": facts.trigger, "type": facts.type}
        if isinstance(facts, SetFacts):
            given |= {"captions": dict(facts.captions), "orphans": list(facts.orphans)}
            given |= {"repeats": dict(facts.repeats)} if facts.repeats else {}
        else:
            given |= {"train": dict(facts.train), "class": facts.class_word}
        weighed = {"select": ["ALL"], "ignore": ["CLP006"], "severity": {"CAP606": "E"}}
        return bench.run("lint", {"clips": clips}, **given, **weighed)

    return run


def finding(code: str, key: str) -> dict[str, Any]:
    where = {"file": f"clips/{key}.mp4", "key": key, "time": None}
    return {"code": code, "name": code.lower(), "severity": "W", "message": "fixed", "where": where}


def rules(scope: type | tuple[type, ...], make: Callable[[Any], Case]) -> dict[str, Case]:
    """A case for each one that the tests of the rules know."""
    return {
        f"{code} {number}": make(facts)
        for number, (code, _, facts) in enumerate(FIRES)
        if isinstance(facts, scope)
    }


def dataset(count: int, mode: str, marked: int = -1, holdout: Any = "auto") -> Case:
    def run(bench: Bench) -> Path:
        clips = []
        for i in range(count):
            # The second shows what the first does.
            picture = [f"{0x9E3779B97F4A7C15 * max(i, 1) % 2**64:016x}"] * 5
            clips.append(
                {
                    **{part: bench.json([part, i]) for part in ("latents", "text", "plain")},
                    "scan": bench.json({"hash": picture, "clip": i}),
                    "bucket": bench.json({"windows": list(range(1 + i % 3))}),
                    "repeats": 1 + i % 2,
                    "holdout": i == marked,
                }
            )
        return bench.run("dataset", {"clips": clips}, mode=mode, holdout=holdout)

    return run


LIGHT: dict[str, dict[str, Case]] = {
    "bucket": {
        "wide and long": bucket(960, 540, 40),
        "tall": bucket(540, 960, 17),
        "still": bucket(70, 64, 1),
        "short": bucket(64, 64, 5),
    },
    "lint_clip": {"good": lint_clip(clip_facts()), **rules(ClipFacts, lint_clip)},
    "lint": {
        "weighed": lint(
            settings_facts(), (finding("CLP006", "a"), finding("CAP606", "a"), finding("PIX101", "a"))
        ),
        **rules((SetFacts, SettingsFacts), lint),
    },
    "lint_asked": {
        "alone": lint_asked([WOMAN]),
        "two": lint_asked([WOMAN, OTHER], ["Speech", 0.7]),
        "none": lint_asked([], ["Rain", 0.7]),
    },
    "dataset": {
        "fast": dataset(8, "fast"),
        "many": dataset(31, "fast"),
        "quality": dataset(8, "quality"),
        "marked": dataset(6, "fast", marked=3),
        "few": dataset(3, "fast"),
        "none held out": dataset(8, "quality", holdout=False),
    },
}
