"""Every rule: a case that it finds, with its severity, and one on the good side of its threshold."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from ltxbuild.job import dump_json
from ltxbuild.lint.facts import HeardFacts, IgnoredFacts, SubjectFacts, TokenFacts
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


def scans(count: int, **by_number: Any) -> Any:
    """A set of `count` clips; each fact is a function of the clip's number."""
    return {
        f"c{i}": {
            **SCAN,
            "hash": code_hash(i + 1),
            "mirrored": code_hash(i + 200),
            "ends": ends(i),
            **{k: v(i) for k, v in by_number.items()},
        }
        for i in range(count)
    }


def ends(number: int) -> list[str]:
    return [code_hash(2 * number + 300)[0], code_hash(2 * number + 301)[0]]


def flipped(bits: int) -> Any:
    """Two clips of which one differs by a number of bits from the other mirrored."""
    other = [f"{int(code_hash(9)[0], 16) ^ (2**bits - 1):016x}"] * 5
    return set_facts(
        scans=scans(2, hash=lambda i: other if i == 0 else code_hash(2), mirrored=lambda i: code_hash(9))
    )


def followed(bits: int) -> Any:
    """Two clips of which the second begins so many bits from where the first ends."""
    begin = f"{int(ends(0)[1], 16) ^ (2**bits - 1):016x}"
    return set_facts(scans=scans(2, ends=lambda i: ends(0) if i == 0 else [begin, ends(1)[1]]))


def shaken(step: float) -> Any:
    """The camera's velocity jumps by `step` to either side: second differences of four steps."""
    return [[i / 12, step * (-1) ** i, 0.0, 0.0] for i in range(20)]


def cameras(same: int, count: int) -> Any:
    move = [[0.1, 0.05, 0.0, 0.0]] * 9
    return set_facts(scans=scans(count, camera=lambda i: move if i < same else SCAN["camera"]))


def subjects(against: int, count: int) -> Any:
    facts = {"share": 0.1, "down": 0.0}
    own = scans(count, subject=lambda i: {**facts, "right": -0.05 if i < against else 0.05})
    return set_facts(scans=own, type="motion")


def coloured(count: int, odd: bool) -> Any:
    def colours(i: int) -> list[int]:
        usual = [0] * 95 + [0]
        usual[:10] = [90 + (i + k) % 3 * 10 for k in range(10)]
        return [0] * 86 + [100] * 10 if odd and i == 0 else usual

    return set_facts(scans=scans(count, colours=colours))


def borders(same: int, count: int) -> Any:
    def border(i: int) -> list[int]:
        return [1000 if k == (0 if i < same else i) else 0 for k in range(96)]

    return set_facts(scans=scans(count, border=border), type="character")


def named(others: int, count: int) -> Any:
    texts = {
        f"c{i}": f"mira_char, a {'dog' if i < others else 'woman'}, walks number {i}." for i in range(count)
    }
    return set_facts(captions=texts, scans={}, type="character", class_word="woman")


def repeated(times: int, count: int) -> Any:
    texts = {
        f"c{i}": f"mira_char, a woman, w{i}a w{i}b {'umbrella' if i < times else ''}." for i in range(count)
    }
    return set_facts(captions=texts, scans={}, class_word="woman")


def sounding(silent: int, audio: str | None = None) -> Any:
    sound = {"level": -20.0, "clipped": 0.0}
    return set_facts(scans=scans(3, sound=lambda i: None if i < silent else sound), audio=audio)


def marks(count: int, level: int) -> Any:
    """Maps of 80 by 48 with a piece of 6 by 4 that is steep in all of them."""

    def edges(i: int) -> Any:
        rows = bytearray(80 * 48)
        for row in range(4):
            rows[(30 + row) * 80 + 60 : (30 + row) * 80 + 66] = bytes([min(255, level * 4)]) * 6
        return {"width": 80, "data": base64.b85encode(bytes(rows)).decode()}

    return set_facts(scans=scans(count, edges_map=edges))


WOMAN, OTHER = (0.1, 0.1, 0.5, 0.9, 0.9), (0.6, 0.3, 0.9, 0.9, 0.6)


def framed(*areas: float) -> list[SubjectFacts]:
    """Clips in which the subject covers so much of the picture."""
    return [subject_facts([(0.0, 0.0, 1.0, area, 0.9)]) for area in areas]


def heard(caption: str | None, *sounds: tuple[str, float]) -> HeardFacts:
    """What a listener heard in one clip."""
    return HeardFacts("mira_01", "clips/mira_01.mp4", caption, sounds)


def subject_facts(*pictures: list[tuple[float, ...]]) -> SubjectFacts:
    """What a detector saw in the pictures of one clip."""
    return SubjectFacts("mira_01", "clips/mira_01.mp4", "woman", pictures)


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
    ("PIX102", "I", clip_facts(scan={"dissolves": [1.5]})),
    ("PIX103", "W", clip_facts(scan={"flashes": [0.5]})),
    ("PIX105", "W", clip_facts(scan={"diff": [0.0] + [0.02, 0.001] * 36})),
    ("PIX107", "W", clip_facts(scan={"bars": {"top": 0.02, "bottom": 0.0, "left": 0.0, "right": 0.0}})),
    ("PIX108", "W", clip_facts(scan={"edges": 24.9})),
    ("PIX109", "W", clip_facts(scan={"detail": 0.179})),
    ("PIX110", "W", clip_facts(scan={"luma_mean": [24.0] * 72})),
    ("PIX110", "W", clip_facts(scan={"luma_mean": [231.0] * 72})),
    ("PIX111", "W", clip_facts(scan={"noise": 8.1})),
    ("PIX112", "W", clip_facts(scan={"luma_mean": [120.0, 122.6] * 36})),
    ("PIX113", "W", marks(8, 40)),
    ("PIX114", "W", clip_facts(scan={"letters": [{"from": 0.5, "to": 1.5, "box": [0.1, 0.8, 0.5, 0.1]}]})),
    ("MOT201", "W", clip_facts(scan={"flow": 0.0099})),
    ("MOT201", "E", clip_facts(scan={"flow": 0.0099}, type="motion")),
    ("MOT202", "W", clip_facts(scan={"camera": shaken(0.08)})),
    ("MOT203", "W", cameras(6, 9)),
    ("MOT204", "W", subjects(3, 9)),
    ("SUB303", "W", coloured(9, odd=True)),
    ("SET403", "W", flipped(10)),
    ("SET404", "W", borders(5, 9)),
    ("SET406", "W", named(3, 9)),
    ("SET407", "W", followed(4)),
    ("AUD501", "I", sounding(1)),
    ("AUD502", "I", clip_facts(scan={"sound": {"level": -60.1, "clipped": 0.0}})),
    ("AUD503", "I", clip_facts(scan={"sound": {"level": -12.0, "clipped": 0.0011}})),
    ("AUD504", "I", clip_facts(probe={"audio": {"duration": 3.06}})),
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
    ("CAP607", "W", repeated(6, 9)),
    ("CAP608", "I", caption("mira_char, a woman, forest, river, rain, fog and a red scarf.")),
    ("CAP609", "W", caption("mira_char walks along a rainy street with a red scarf at night.")),
    ("CAP610", "I", caption(CAPTION.replace("rainy", "stunning"))),
    ("CAP611", "I", caption("mira_char, a woman with a red scarf in a rainy street at night.")),
    ("CAP611", "W", caption("mira_char, a woman with a red scarf in a rainy street.", type="motion")),
    ("CAP612", "I", caption(CAPTION.replace("rainy", "rainy black and white"))),
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
    ("TRG707", "W", settings_facts(trigger="mira_of_the_seven_rivers_")),
    ("TRG708", "I", settings_facts(trigger="noir85_style")),
    ("CFG804", "W", settings_facts(train={"steps": 799})),
    ("CFG804", "W", settings_facts(train={"steps": 601, "batch": 2}, mode="fast")),
    ("CFG801", "W", settings_facts(train={"rank": 32})),
    ("CFG802", "W", settings_facts(train={"learning_rate": 1e-3})),
    ("CFG803", "W", settings_facts(train={"steps": 600})),
    ("CFG806", "E", settings_facts(train={"shapes": [[500, 320]]})),
    ("CFG806", "E", settings_facts(train={"frames": [1, 32]})),
    ("CFG807", "I", settings_facts(train={"continued": True})),
    ("CLP015", "E", set_facts(bare=("a",))),
    ("CLP015", "E", set_facts(strays=("references/x.mp4",))),
    ("AUD501", "W", sounding(1, "generated")),
    ("AUD501", "E", sounding(3, "given")),
    ("AUD502", "W", clip_facts(scan={"sound": {"level": -60.1, "clipped": 0.0}}, audio="generated")),
    ("AUD503", "W", clip_facts(scan={"sound": {"level": -12.0, "clipped": 0.0011}}, audio="given")),
    ("AUD504", "W", clip_facts(probe={"audio": {"duration": 3.06}}, audio="generated")),
    ("CFG809", "I", IgnoredFacts({"mira_01": ("PIX101",)})),
    ("TRG706", "E", TokenFacts("circle", True, {}, 1024)),
    ("SUB301", "W", subject_facts([WOMAN], [WOMAN], [WOMAN], [], [], [])),
    ("SUB301", "W", subject_facts([])),
    ("SUB301", "W", subject_facts([(0.4, 0.4, 0.6, 0.64, 0.9)], [WOMAN], [(0.0, 0.0, 0.1, 0.1, 0.5)])),
    (
        "SUB302",
        "W",
        subject_facts([WOMAN, OTHER], [WOMAN], [WOMAN, OTHER], [WOMAN, OTHER], [WOMAN, OTHER], []),
    ),
    (
        "CAP603",
        "W",
        clip_facts(caption=" ".join(["mira_char, a woman walks by the sea."] * 25), ranges={"longest": 60}),
    ),
    ("AUD505", "W", heard("A woman walks.", ("Speech", 0.5), ("Music", 0.49))),
    ("AUD505", "W", heard("A woman whispers.", ("Male singing", 0.9), ("Music", 0.8))),
    ("SUB304", "I", framed(*[0.2] * 4, *[0.29] * 4)),
    ("SUB304", "I", framed(0.06, *[0.2] * 38, 0.9)),
    ("SET408", "W", set_facts(8, repeats={"c00": 3})),
    ("CAP613", "E", TokenFacts("mira_char", False, {"a": 1024, "b": 1025}, 1024)),
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
    ("PIX102", clip_facts()),
    ("PIX103", clip_facts(scan={"flashes": [0.5, 1.0, 1.5]})),
    ("PIX105", clip_facts(scan={"diff": [0.0] + [0.02, 0.001, 0.001, 0.001] * 18})),
    ("PIX105", clip_facts(scan={"diff": [0.0] + [0.02, 0.02, 0.001] * 24})),
    ("PIX107", clip_facts(scan={"bars": {"top": 0.019, "bottom": 0.0, "left": 0.0, "right": 0.0}})),
    ("PIX108", clip_facts(scan={"edges": 25.1})),
    ("PIX108", clip_facts(probe={"width": 64, "height": 64}, scan={"edges": 5.0})),
    ("PIX109", clip_facts(scan={"detail": 0.181})),
    ("PIX110", clip_facts(scan={"luma_mean": [26.0] * 72})),
    ("PIX110", clip_facts(scan={"luma_mean": [229.0] * 72})),
    ("PIX110", clip_facts(scan={"luma_mean": [2.0] * 72, "black_share": [1.0] * 72})),
    ("PIX111", clip_facts(scan={"noise": 7.9})),
    ("PIX112", clip_facts(scan={"luma_mean": [120.0, 122.4] * 36})),
    ("PIX113", marks(7, 40)),
    ("PIX113", marks(8, 4)),
    ("PIX114", clip_facts()),
    ("MOT201", clip_facts(scan={"flow": 0.0101}, type="motion")),
    ("MOT202", clip_facts(scan={"camera": shaken(0.07)})),
    ("MOT203", cameras(5, 9)),
    ("MOT204", subjects(2, 9)),
    ("SUB303", coloured(9, odd=False)),
    ("SET403", flipped(11)),
    ("SET404", borders(4, 9)),
    ("SET406", named(2, 9)),
    ("SET407", followed(5)),
    ("AUD501", sounding(0)),
    ("AUD501", sounding(0, "given")),
    ("AUD501", sounding(3)),
    ("AUD502", clip_facts(scan={"sound": {"level": -59.9, "clipped": 0.0}})),
    ("AUD503", clip_facts(scan={"sound": {"level": -12.0, "clipped": 0.0009}})),
    ("AUD504", clip_facts(probe={"audio": {"duration": 3.04}})),
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
    ("CAP607", repeated(5, 9)),
    ("CAP608", caption("mira_char, a woman, forest, river, rain, in a red coat and scarf, turns.")),
    ("CAP609", caption(CAPTION)),
    ("CAP609", caption("mira_char walks along.", ranges={"class_word": False})),
    ("CAP610", caption(CAPTION)),
    ("CAP611", caption("mira_char, a woman, handheld camera.")),
    ("CAP611", caption("mira_char, a woman carries a lamp.")),
    ("CAP612", caption(CAPTION.replace("rainy", "black"))),
    ("TRG701", caption("mira_char's red scarf flutters in the wind")),
    ("TRG701", caption(None)),
    ("TRG702", caption("mira_char, a miraculous charming woman with a red scarf, walks in admiration")),
    ("TRG703", caption('"mira_char" walks along a street')),
    ("TRG704", caption(CAPTION)),
    ("TRG705", settings_facts()),
    ("TRG705", settings_facts(trigger="style_xq7")),
    ("TRG707", settings_facts(trigger="mira_of_the_seven_rivers")),
    ("TRG708", settings_facts()),
    ("CFG804", settings_facts(train={"steps": 800})),
    ("CFG804", settings_facts(train={"steps": 600, "batch": 2}, mode="fast")),
    ("CFG801", settings_facts(train={"rank": 32}, clips=30)),
    ("CFG802", settings_facts(train={"learning_rate": 3e-4})),
    ("CFG803", settings_facts(train={"steps": 600}, mode="fast")),
    ("CFG803", settings_facts(train={"steps": 3000}, type="control")),
    ("CFG807", settings_facts()),
    ("CLP015", set_facts()),
    ("CFG806", settings_facts(train={"shapes": [[960, 544]], "frames": [1, 33, 113]})),
    ("CFG809", IgnoredFacts({})),
    ("TRG706", TokenFacts("mira_char", False, {}, 1024)),
    ("SUB301", subject_facts([WOMAN], [WOMAN], [WOMAN], [WOMAN], [], [])),
    ("SUB301", subject_facts([(0.4, 0.4, 0.6, 0.66, 0.9)])),
    ("SUB301", subject_facts()),
    ("SUB302", subject_facts([WOMAN, OTHER], [WOMAN, OTHER], [WOMAN, OTHER], [WOMAN], [WOMAN], [WOMAN])),
    ("SUB302", subject_facts([WOMAN, (0.8, 0.4, 0.9, 0.7, 0.8)])),
    ("SUB302", subject_facts()),
    (
        "CAP603",
        clip_facts(caption=" ".join(["mira_char, a woman walks by the sea."] * 25), ranges={"longest": 200}),
    ),
    ("AUD505", heard("A woman speaks.", ("Speech", 0.9), ("Music", 0.4))),
    ("AUD505", heard("A woman walks while a song plays.", ("Music", 0.9))),
    ("AUD505", heard("A woman walks.", ("Rain", 0.9))),
    ("AUD505", heard(None, ("Speech", 0.9))),
    ("SUB304", framed(*[0.2] * 4, *[0.31] * 4)),
    ("SUB304", framed(*[0.2] * 7)),
    ("SUB304", framed(*[0.01] * 8)),
    ("SET408", set_facts(8, repeats={"c00": 2})),
    ("SET408", set_facts(7, repeats={"c00": 9})),
    ("CAP613", TokenFacts("circle", True, {"a": 1024}, 1024)),
]


@pytest.mark.parametrize(("code", "severity", "facts"), FIRES)
def test_what_a_rule_finds(code: str, severity: str, facts: Any) -> None:
    found = hits(code, facts)
    assert [finding["severity"] for finding in found] == [severity]
    finding: Any = found[0]
    assert finding["code"] == code
    assert finding["name"] == RULES[code].name
    assert finding["where"]["file"].startswith(("clips/", "references/", "captions.toml", "lora.toml"))
    assert len(finding["message"]) > 10
    dump_json(finding)  # finite figures and plain data only


@pytest.mark.parametrize(("code", "facts"), QUIET)
def test_what_a_rule_leaves_alone(code: str, facts: Any) -> None:
    assert hits(code, facts) == []


def test_every_rule_has_both_cases() -> None:
    assert {code for code, _, _ in FIRES} == set(RULES) == {code for code, _ in QUIET}
    assert len(RULES) >= 30


def test_no_two_rules_share_a_code_or_a_name() -> None:
    from ltxbuild.lint import registry

    modules = [part for part in vars(registry).values() if hasattr(part, "RULES") and part is not registry]
    rules = [rule for module in modules for rule in (*module.RULES, *getattr(module, "OF_ALL", ()))]
    assert len(rules) == len(RULES) == len({rule.name for rule in rules})


def test_twenty_clips_that_are_alike_make_nineteen_findings() -> None:
    alike = {f"clip_{i:02d}": f"{CAPTION} Take {i}." for i in range(20)}
    found = hits("CAP605", captions(**alike))
    assert len(found) == 19
    assert [finding["evidence"]["more"] for finding in found] == [*range(19)]
    assert found[-1]["message"].endswith("(and 18 more): say what differs")


def test_a_good_project_has_no_findings() -> None:
    good = {
        "clip": clip_facts(),
        "set": set_facts(),
        "settings": settings_facts(),
        "ignores": IgnoredFacts({}),
        "tokens": TokenFacts("mira_char", False, {"mira_01": 40}, 1024),
    }
    for scope, facts in good.items():
        for rule in rules_of(scope):  # type: ignore[arg-type]
            assert rule.findings(facts) == [], rule.code
    for facts in (subject_facts([WOMAN]), heard("A woman speaks.", ("Speech", 0.9))):
        for rule in rules_of("asked"):
            if (rule.code == "AUD505") == isinstance(facts, HeardFacts) and rule.code != "SUB304":
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
