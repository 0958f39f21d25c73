"""Every rule: a case that it finds, with its severity, and one on the good side of its threshold."""

from __future__ import annotations

from typing import Any

import pytest

from ltxbuild.job import dump_json
from ltxbuild.lint.registry import RULES, find_rule, rules_of
from tests.lint.material import (
    CAPTION,
    SCAN,
    bucket,
    clip_facts,
    code_hash,
    hits,
    set_facts,
    settings_facts,
)

BROKEN = {"code": "CLP001", "message": "the file is empty"}
CUT_OFF = {"code": "CLP002", "message": "the file breaks off: 13 of 72 frames can be decoded"}
NOTHING = {"code": "CLP003", "message": "nothing is left of the clip"}
LONG = "mira_char " + "walks slowly along " * 25


def caption(text: str | None, **more: Any) -> Any:
    return clip_facts(caption=text, **more)


def captions(**texts: str | None) -> Any:
    return set_facts(captions=texts, scans={})


def twins(bits: int) -> Any:
    """Two clips whose hashes differ by a number of bits."""
    other = [f"{int(code_hash(1)[0], 16) ^ (2**bits - 1):016x}"] * 5
    return set_facts(scans={"a": {**SCAN, "hash": code_hash(1)}, "b": {**SCAN, "hash": other}})


FIRES: list[tuple[str, str, Any]] = [
    ("CLP001", "E", clip_facts(probe={"error": BROKEN}, scan={"error": BROKEN})),
    ("CLP001", "E", clip_facts(scan={"error": BROKEN})),
    ("CLP002", "E", clip_facts(scan={"error": CUT_OFF, "source_frames": 13})),
    ("CLP003", "E", clip_facts(scan={"duration": 1.3})),
    ("CLP003", "E", clip_facts(scan={"error": NOTHING, "frames": 0, "duration": 0.0})),
    ("CLP004", "W", clip_facts(scan={"duration": 1.9})),
    ("CLP004", "W", clip_facts(scan={"duration": 5.1})),
    ("CLP005", "I", clip_facts(bucket=bucket(windows=[0], frames=36))),
    ("CLP005", "W", clip_facts(bucket=bucket(windows=[0], frames=35))),
    ("CLP005", "W", clip_facts(scan={"duration": 5.1}, bucket=bucket(count=122))),
    ("CLP006", "W", clip_facts(probe={"fps": 25.0})),
    ("CLP007", "W", clip_facts(probe={"vfr": True, "irregularity": 12.0})),
    ("CLP008", "W", clip_facts(probe={"rotation": 90})),
    ("CLP008", "W", clip_facts(probe={"mirrored": True})),
    ("CLP009", "W", clip_facts(probe={"sar": [64, 45]})),
    ("CLP010", "W", clip_facts(probe={"width": 480, "height": 360})),
    ("CLP010", "E", clip_facts(probe={"width": 200, "height": 150})),
    ("CLP011", "W", clip_facts(bucket=bucket(1000, 490))),
    ("CLP011", "W", clip_facts(bucket=bucket(480, 1000))),
    ("CLP011", "I", clip_facts(bucket=bucket(1000, 400), crop="top")),
    ("CLP011", "I", clip_facts(bucket=bucket(832, 480), crop="left")),
    ("CLP011", "I", clip_facts(bucket=bucket(832, 480), crop="top")),
    ("CLP012", "W", clip_facts(probe={"interlaced": True})),
    ("CLP013", "W", clip_facts(probe={"transfer": "pq"})),
    ("CLP014", "E", set_facts(orphans=("mira_77",))),
    ("CLP014", "E", captions(mira_01=None)),
    ("PIX101", "E", clip_facts(scan={"cuts": [{"time": 2.0417, "score": 73.7}]})),
    ("PIX104", "W", clip_facts(scan={"frozen": [[0.0, 0.6]]})),
    ("PIX104", "E", clip_facts(scan={"frozen": [[0.0, 0.8], [2.0, 2.7]]})),
    ("PIX106", "E", clip_facts(scan={"black_share": [1.0] * 4 + [0.1] * 68})),
    ("SET401", "W", set_facts(7)),
    ("SET401", "E", set_facts(7, mode="quality")),
    ("SET401", "W", set_facts(9, mode="quality")),
    ("SET401", "W", set_facts(41)),
    ("SET401", "I", set_facts(12, type="world")),
    ("SET402", "W", twins(10)),
    ("CAP601", "E", caption("  ")),
    ("CAP602", "W", caption("mira_char, a woman walks in the street.")),
    ("CAP602", "E", caption("mira_char, a woman.")),
    ("CAP603", "W", caption("mira_char walks. She turns. She smiles at an old vendor.")),
    ("CAP603", "W", caption(LONG)),
    ("CAP604", "W", caption("mira_char. The video shows a woman who walks along a street.")),
    ("CAP604", "W", caption("**mira_char** walks along a rainy street at night with a dog.")),
    ("CAP604", "W", caption("<think>a woman</think> mira_char walks along a rainy street.")),
    ("CAP605", "E", captions(a=CAPTION, b=CAPTION)),
    ("CAP605", "W", captions(a=CAPTION, b=CAPTION.replace("rainy", "wet"))),
    ("CAP606", "W", clip_facts(draft=True)),
    ("TRG701", "E", caption("a woman with a red scarf walks along a rainy street at night")),
    ("TRG701", "E", caption("xmira_charming, a woman with a scarf walks along a rainy street")),
    ("TRG702", "E", caption("mirachar, a woman with a red scarf walks along a rainy street")),
    ("TRG702", "E", caption("mira char, a woman with a red scarf walks along a rainy street")),
    ("TRG702", "E", caption("MIRA_CHAR, a woman with a red scarf walks along a rainy street")),
    ("TRG703", "W", caption("a woman, mira_char, walks along a rainy street at night")),
    ("TRG704", "E", caption("mira_char walks along a street; mira_char's scarf is red")),
    ("TRG705", "E", settings_facts(trigger="Noir")),
    ("TRG705", "E", settings_facts(trigger="dancing")),
    ("TRG705", "W", settings_facts(trigger="ghibli")),
    ("CFG801", "W", settings_facts(train={"rank": 32})),
    ("CFG802", "W", settings_facts(train={"learning_rate": 1e-3})),
    ("CFG803", "W", settings_facts(train={"steps": 600})),
    ("CFG806", "E", settings_facts(train={"shapes": [[500, 320]]})),
    ("CFG806", "E", settings_facts(train={"frames": [1, 32]})),
]
QUIET: list[tuple[str, Any]] = [
    ("CLP001", clip_facts(scan={"error": CUT_OFF})),
    ("CLP002", clip_facts()),
    ("CLP003", clip_facts(scan={"duration": 1.38})),
    ("CLP003", clip_facts(probe={"kind": "image"}, scan={"duration": 0.0, "frames": 1})),
    ("CLP004", clip_facts(scan={"duration": 2.0})),
    ("CLP004", clip_facts(scan={"duration": 0.7}, ranges={"duration": [0.3, 5.0]})),
    ("CLP005", clip_facts(scan={"duration": 5.0}, bucket=bucket(count=120))),
    ("CLP005", clip_facts(scan={"duration": 0.5}, bucket=bucket(count=12))),
    ("CLP005", clip_facts(probe={"kind": "image"}, bucket=bucket(count=1))),
    ("CLP006", clip_facts(probe={"fps": 23.976})),
    ("CLP007", clip_facts(probe={"vfr": False, "irregularity": 0.05})),
    ("CLP008", clip_facts()),
    ("CLP009", clip_facts(probe={"sar": [200, 201]})),
    ("CLP010", clip_facts(probe={"width": 512, "height": 320})),
    ("CLP010", clip_facts(probe={"width": 320, "height": 512})),
    ("CLP010", clip_facts(probe={"width": 256, "height": 320, "sar": [2, 1]})),
    ("CLP011", clip_facts(bucket=bucket(1000, 500))),
    ("CLP011", clip_facts(bucket=bucket(1000, 400), crop="left")),
    ("CLP011", clip_facts(bucket=bucket(832, 480), crop="centre")),
    ("CLP011", clip_facts(bucket={})),
    ("CLP012", clip_facts()),
    ("CLP013", clip_facts()),
    ("CLP014", set_facts()),
    ("PIX101", clip_facts()),
    ("PIX101", clip_facts(probe={"error": BROKEN}, scan={"error": BROKEN})),
    ("PIX104", clip_facts()),
    ("PIX106", clip_facts(scan={"black_share": [1.0] * 3 + [0.1] * 69})),
    ("SET401", set_facts(10)),
    ("SET401", set_facts(40, type="world")),
    ("SET402", twins(11)),
    ("SET402", set_facts()),
    ("CAP601", caption(None)),
    ("CAP602", caption("mira_char, a woman with scarf walks along the street.")),
    ("CAP603", caption(CAPTION + " She smiles at 3.5 old vendors...")),
    ("CAP604", caption("mira_char films a video in the street while the clip of a tie shines.")),
    ("CAP605", set_facts()),
    ("CAP606", caption(None, draft=True)),
    ("TRG701", caption("mira_char's red scarf flutters in the wind")),
    ("TRG701", caption(None)),
    ("TRG702", caption("mira_char, a miraculous charming woman with a red scarf, walks in admiration")),
    ("TRG703", caption('"mira_char" walks along a street')),
    ("TRG704", caption(CAPTION)),
    ("TRG705", settings_facts()),
    ("TRG705", settings_facts(trigger="style_xq7")),
    ("CFG801", settings_facts(train={"rank": 32}, clips=30)),
    ("CFG802", settings_facts(train={"learning_rate": 3e-4})),
    ("CFG803", settings_facts(train={"steps": 600}, mode="fast")),
    ("CFG803", settings_facts(train={"steps": 3000}, type="control")),
    ("CFG806", settings_facts(train={"shapes": [[960, 544]], "frames": [1, 33, 113]})),
]


@pytest.mark.parametrize(("code", "severity", "facts"), FIRES)
def test_what_a_rule_finds(code: str, severity: str, facts: Any) -> None:
    found = hits(code, facts)
    assert [finding["severity"] for finding in found] == [severity]
    finding: Any = found[0]
    assert finding["code"] == code
    assert finding["name"] == RULES[code].name
    assert finding["where"]["file"].startswith(("clips/", "captions.toml", "lora.toml"))
    assert len(finding["message"]) > 10
    dump_json(finding)  # finite figures and plain data only


@pytest.mark.parametrize(("code", "facts"), QUIET)
def test_what_a_rule_leaves_alone(code: str, facts: Any) -> None:
    assert hits(code, facts) == []


def test_every_rule_has_both_cases() -> None:
    assert {code for code, _, _ in FIRES} == set(RULES) == {code for code, _ in QUIET}
    assert len(RULES) >= 30


def test_a_good_project_has_no_findings() -> None:
    good = {"clip": clip_facts(), "set": set_facts(), "settings": settings_facts()}
    for scope, facts in good.items():
        for rule in rules_of(scope):  # type: ignore[arg-type]
            assert rule.findings(facts) == [], rule.code


def test_rules_are_described() -> None:
    names = [rule.name for rule in RULES.values()]
    assert len(set(names)) == len(names)
    for rule in RULES.values():
        assert rule.summary
        assert rule.text.startswith(rule.summary)
        assert not rule.summary.endswith((",", ";")), rule.code
        assert find_rule(rule.code.lower()) is rule is find_rule(rule.name)
    assert find_rule("CLP999") is None


def test_a_cut_suggests_a_trim_that_removes_it() -> None:
    finding: Any = hits("PIX101", clip_facts(scan={"cuts": [{"time": 2.875, "score": 99.0}]}))[0]
    assert finding["where"] == {"file": "clips/mira_01.mp4", "key": "mira_01", "time": 2.875}
    assert "`end = 2.87` or `start = 2.88`" in finding["fix"]
    assert finding["evidence"] == {"ratio": 99.0}
