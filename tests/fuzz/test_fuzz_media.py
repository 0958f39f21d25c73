"""A few hundred of the fuzzer's mutations: whatever is broken, the product uses it or refuses it in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_job import as_file, json_file
from tests.stages_media.footage import make_clip, make_still, numbered, run_stage
from tools.fuzz.bench import Bench, read_seeds
from tools.fuzz.outcome import BAD, SLOW, VERDICTS, Work, judged

CLIPS = [n for n in range(240) if n % 10 < 7]
TEXTS = [n for n in range(200) if n % 10 >= 7 and n // 10 % 20]
# Too large for a test of seconds: a picture of 8192x8192 that is really there.
LONG = {81, 95}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    work = tmp_path_factory.mktemp("fuzz")
    made = Bench(work / "lane", read_seeds(work))
    yield made
    made.close()


@pytest.mark.parametrize("numbers", [CLIPS, TEXTS], ids=["clips", "texts"])
def test_whatever_is_broken(numbers: list[int], bench: Bench) -> None:
    lines = [bench.judge(number) for number in numbers if number not in LONG]
    assert [line for line in lines if line["verdict"] in BAD] == []
    verdicts = [line["verdict"] for line in lines]
    assert verdicts.count("ok") >= 5 and verdicts.count("refused") > 30, "both sides are met"
    assert all(line["words"] for line in lines if line["verdict"] != "ok")


def test_a_number_makes_its_mutation_again(bench: Bench) -> None:
    assert bench.make(123) == bench.make(123) != bench.make(124)
    assert bench.make(123)[1] != bench.clips["wide.mkv"]
    seeds = {bench.make(n)[0] for n in range(200)}
    assert seeds == {*bench.clips, "lora.toml", "captions.toml"}


def test_what_the_verdicts_are() -> None:
    assert set(BAD) < set(VERDICTS)
    assert judged("ok", "", SLOW - 0.1, 1 << 29, Work()).verdict == "ok"
    assert judged("ok", "", SLOW + 0.1, 1 << 29, Work()).verdict == "HANG"
    assert judged("stopped", "", SLOW + 0.1, 1 << 29, Work()).verdict == "stopped"
    assert judged("refused", "", 1.0, (1 << 30) + 1, Work()).verdict == "MEMORY"
    assert judged("TRACEBACK", "", 99.0, 1 << 31, Work()).verdict == "TRACEBACK"
    large = Work(frames=20, pixels=8192 * 4096)
    assert judged("ok", "", 20.0, 5 << 29, large).verdict == "ok"
    assert judged("ok", "", 30.0, 5 << 29, large).verdict == "HANG"
    assert judged("ok", "", 20.0, 6 << 29, large).verdict == "MEMORY"


def refused(root: Path, clip: Path) -> str:
    """Why probe or scan refuses a clip."""
    source = as_file(clip)
    probe: Any = run_stage("probe", root, clip=source).json("probe.json")
    if probe["error"]:
        return str(probe["error"]["message"])
    looked = run_stage(
        "scan", root, {"start": None, "end": None}, clip=source, probe=json_file(root / "p", probe)
    )
    return str(looked.json("readable.json")["why"])


def test_times_that_jump_by_minutes_are_refused(tmp_path: Path) -> None:
    times = [*(i / 24 for i in range(12)), *(90 + i / 24 for i in range(12))]
    assert "its times are broken" in refused(tmp_path, make_clip(tmp_path / "jump.mkv", times))
    held = [*(i / 24 for i in range(12)), *(50 + i / 24 for i in range(12))]
    assert refused(tmp_path, make_clip(tmp_path / "held.mkv", held)) == ""


def test_a_picture_that_cannot_be_encoded_is_refused(tmp_path: Path) -> None:
    wide = make_still(tmp_path / "wide.png", numbered(1, 16386, 8), "png", "rgb24")
    assert "longer than can be read (16384 pixels)" in refused(tmp_path, wide)
    fits = make_still(tmp_path / "fits.png", numbered(1, 16384, 8), "png", "rgb24")
    assert refused(tmp_path, fits) == ""
