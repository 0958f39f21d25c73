"""Who is held out: the counts, the marks, near-duplicates, and how little an added clip may change."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.job import read_json
from ltxbuild.stages import dataset
from ltxbuild.stages.membership import key_of
from ltxbuild.stages.split import Candidate, near_groups, split
from tests.fake_job import FakeJob, json_file


def clip(index: int, windows: int = 1, marked: bool = False, like: int | None = None) -> Candidate:
    digest = hashlib.md5(str(index).encode()).hexdigest()
    look = hashlib.sha512(str(index if like is None else like).encode()).digest()
    hashes = tuple(int.from_bytes(look[8 * i : 8 * i + 8], "big") for i in range(5))
    return Candidate(f"k{index}", digest, hashes, windows, marked)


def clips(count: int, **options: Any) -> list[Candidate]:
    return [clip(i, **options) for i in range(count)]


@pytest.mark.parametrize(("count", "held"), [(3, 0), (4, 2), (19, 2), (20, 3), (29, 3), (30, 5), (60, 5)])
def test_counts_in_fast(count: int, held: int) -> None:
    result = split(clips(count), "fast", True)
    assert len(result.held) == len(result.measured) == held and not result.optimistic


def test_small_quality_sets_train_on_everything() -> None:
    result = split(clips(12, windows=3), "quality", True)
    assert not result.held and result.optimistic and len(result.measured) == 2
    assert set(map(tuple, result.measured.values())) == {(2,)}
    single = split(clips(12), "quality", True)
    assert single.optimistic and "also train" in single.note
    assert len(split(clips(20), "quality", True).held) == 3


def test_the_users_word_wins() -> None:
    marked = [*clips(5), clip(5, marked=True)]
    for mode in ("fast", "quality"):
        assert split(marked, mode, True).held == {"k5"}
    assert not split(marked, "fast", False).measured and "judged" in split(marked, "fast", False).note


def test_an_added_clip_changes_at_most_one() -> None:
    for extra in range(100, 130):
        before = split(clips(8), "fast", True).held
        after = split([*clips(8), clip(extra)], "fast", True).held
        assert len(before - after) <= 1


def test_the_order_of_the_clips_does_not_matter() -> None:
    assert split(clips(9), "fast", True) == split(clips(9)[::-1], "fast", True)


def test_near_duplicates_stay_together() -> None:
    family = [clip(20 + i, like=0) for i in range(3)]
    groups = near_groups([*clips(6), *family])
    assert sorted(map(len, groups)) == [1, 1, 1, 1, 1, 4]
    held = split([*clips(6), *family], "fast", True).held
    assert not held & {"k0", "k20", "k21", "k22"}  # four are too many for a place of two
    marked = split([*clips(6), clip(20, like=0, marked=True)], "fast", True).held
    assert marked == {"k0", "k20"}


def test_a_family_alone_cannot_be_split() -> None:
    assert "near-duplicates" in split([clip(i, like=0) for i in range(6)], "fast", True).note


def member(folder: Path, index: int, windows: int) -> dict[str, Any]:
    look = [f"{h:016x}" for h in clip(index).hashes]
    parts = {
        name: json_file(folder / f"{name}{index}", [name, index]) for name in ("latents", "text", "plain")
    }
    return {
        **parts,
        "bucket": json_file(folder / f"bucket{index}", {"windows": [0] * windows}),
        "scan": json_file(folder / f"scan{index}", {"hash": look, "index": index}),  # type: ignore[dict-item]
        "repeats": 1 + index,
        "holdout": None,
    }


@pytest.mark.parametrize(("mode", "windows"), [("fast", 1), ("quality", 2), ("quality", 1)])
def test_the_stage_names_roles_and_windows(tmp_path: Path, mode: str, windows: int) -> None:
    bag = [member(tmp_path, i, windows) for i in range(6)]
    job = FakeJob(tmp_path / "job", {"holdout": "auto", "mode": mode}, {"clips": bag})
    dataset.run(job)
    found = read_json(job.out / "dataset.json")
    by_key = {c["key"]: c for c in found["clips"]}
    assert list(by_key) == sorted(key_of(f) for f in bag)
    assert all(by_key[key_of(f)]["repeats"] == 1 + i for i, f in enumerate(bag))
    held = [c for c in found["clips"] if c["role"] == "holdout"]
    measured = [c for c in found["clips"] if c["measure"]]
    assert found["optimistic"] is (mode == "quality") and len(measured) == 2
    if mode == "fast":
        assert held == measured and all(c["train"] == [] and c["measure"] == [0] for c in held)
    elif windows == 2:
        assert not held and all(c["train"] == [0] and c["measure"] == [1] for c in measured)
    else:
        assert not held and all(c["train"] == [0] == c["measure"] for c in measured)
