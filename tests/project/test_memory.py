"""What `auto` decides for a GPU: the form of the weights, swapping, and that a lock's choice holds everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ltxbuild.commands.running import memory_words
from ltxbuild.commands.session import Session
from ltxbuild.project.card import named_card
from ltxbuild.project.memory import RESERVE, Fit, Sizes, fit, fit_text, gpus
from ltxbuild.project.pins import LOCK
from ltxbuild.project.project import BY_ITSELF, Project, load
from ltxbuild.recipe import make_graph
from tests.project.folder import LORA, make

SIZES = named_card("ltx-2.3").memory
assert SIZES is not None


def on(gib: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltxbuild.project.project.gpus", lambda: () if gib is None else (gib,))
    monkeypatch.setattr("ltxbuild.project.project.device_of", lambda wanted: "cpu" if gib is None else "cuda")


def project(root: Path, *overrides: str, lock: str = "") -> Project:
    folder = make(root / "p", LORA, 'one = "a"\n', ("one.mp4",))
    (folder / LOCK).write_text(lock) if lock else (folder / LOCK).unlink(missing_ok=True)
    return load(folder, overrides)


# What PyTorch held on an H200 at rank 32 with checkpointing, and about what CUDA takes besides (benchmarks/README.md).
HELD, CUDA = {("none", 2688): 29.7, ("none", 8160): 35.6, ("int8", 2688): 17.7, ("int8", 8160): 22.8}, 0.6


@pytest.mark.parametrize(("form", "tokens"), HELD)
def test_the_cards_figures_are_near_those_that_were_measured(form: str, tokens: int) -> None:
    reckoned = fit(SIZES, 80, tokens, 32, (form,)).needed
    assert -0.3 < reckoned - (HELD[form, tokens] + CUDA) < 1.7


def test_text_takes_what_was_measured() -> None:
    assert [gib + RESERVE for gib in SIZES.text.values()] == pytest.approx([31.4, 19.7, 14.3])


def test_sound_takes_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(40, monkeypatch)
    silent, given, both = (
        project(tmp_path, f"train.quality.audio={a}").fit for a in ("none", "given", "generated")
    )
    assert silent and given and both
    assert (silent.quantize, given.quantize) == ("none", "int8")
    assert both.needed > given.needed


@pytest.mark.parametrize(
    ("gib", "quantize", "swaps"),
    [
        (80, "none", False),
        (31.8, "none", False),
        (23.7, "int8", False),
        (15.7, "int8", True),
        (11.8, "int8", True),
    ],
)
def test_a_gpu_gets_the_nearest_form_that_fits(gib: float, quantize: str, swaps: bool) -> None:
    found = fit(SIZES, gib, 4096, 8, BY_ITSELF)
    assert (found.quantize, found.swap > 0) == (quantize, swaps)
    assert found.needed <= gib


def test_no_block_more_is_swapped_than_has_to_be() -> None:
    found = fit(SIZES, 15.7, 4096, 8, BY_ITSELF)
    block = SIZES.transformer["int8"] / SIZES.blocks
    assert found.needed > 15.7 - block
    assert fit(SIZES, 12, 4096, 8, BY_ITSELF).swap > found.swap


def test_what_fits_in_no_way_is_not_said_to_fit() -> None:
    found = fit(SIZES, 4, 4096, 8, BY_ITSELF)
    assert found.swap == SIZES.blocks and found.needed > 4


def test_a_form_that_was_asked_for_is_swapped_and_not_changed() -> None:
    assert fit(SIZES, 23.7, 4096, 8, ("none",)).quantize == "none"
    assert fit(SIZES, 23.7, 4096, 8, ("none",)).swap > 0


def test_text_is_encoded_in_the_first_form_that_fits() -> None:
    assert [fit_text(SIZES, gib) for gib in (80, 23.7, 15.7, 11.8, 4)] == [
        "none",
        "int8",
        "nf4",
        "nf4",
        "nf4",
    ]


def test_the_tiny_base_fits_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(4, monkeypatch)
    assert project(tmp_path, "base=tiny").fit is None
    assert project(tmp_path, "base=tiny").quantize == "none"


def test_without_a_gpu_nothing_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(None, monkeypatch)
    found = project(tmp_path)
    assert (found.quantize, found.quantize_text, found.fit) == ("none", "none", None)


def test_what_auto_chose_is_in_the_fingerprint_and_swapping_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def params(gib: float) -> tuple[object, object]:
        on(gib, monkeypatch)
        actions = make_graph(project(tmp_path)).actions
        return actions["train:fast:0050"].params, actions["text:one"].params

    large, middle, small, least = (params(gib) for gib in (80, 23.7, 15.7, 11.8))
    assert "quantize" not in large[0] and "quantize" not in large[1]  # type: ignore[operator]
    assert middle[0]["quantize"] == middle[1]["quantize"] == "int8"  # type: ignore[index]
    assert middle[0] == small[0] == least[0] and small[1]["quantize"] == "nf4"  # type: ignore[index]


def test_a_lock_decides_for_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(15.7, monkeypatch)
    whole = project(tmp_path, lock="version 1\nbase ltx-2.3\nprecision bf16\n")
    assert (whole.quantize, whole.quantize_text) == ("none", "none"), (
        "a lock that says nothing means as they are"
    )
    assert whole.fit is not None and whole.fit.swap > 24
    on(80, monkeypatch)
    folded = project(tmp_path, lock="base ltx-2.3\nquantize int8\nquantize_text nf4\n")
    assert (folded.quantize, folded.quantize_text) == ("int8", "nf4")
    assert folded.fit == Fit("int8", 0, pytest.approx(12.9, abs=7))
    assert project(tmp_path, "memory.quantize=none", lock="base ltx-2.3\nquantize int8\n").quantize == "none"
    assert project(tmp_path, lock="base ltx-2.3\nquantize int3\n").quantize == "none", "no form: not pinned"


@pytest.fixture
def forgotten() -> Iterator[None]:
    gpus.cache_clear()
    yield
    gpus.cache_clear()


@pytest.mark.usefixtures("forgotten")
def test_the_drivers_tool_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 24564\necho 81920\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpus() == pytest.approx((23.99, 80.0), abs=0.01)


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("script", ["exit 9", "echo no devices", "true"])
def test_a_tool_that_knows_nothing_means_no_gpu(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpus() == ()


def test_a_card_without_figures_is_no_card_of_sizes() -> None:
    assert Sizes.of(None) is None
    with pytest.raises(KeyError):
        Sizes.of({"blocks": 2, "token": 1, "rank": 1, "transformer": {"none": 1.0}})


def test_what_was_chosen_is_said_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def words(gib: float, *overrides: str, lock: str = "") -> str | None:
        on(gib, monkeypatch)
        return memory_words(
            cast("Session", SimpleNamespace(project=project(tmp_path, *overrides, lock=lock)))
        )

    assert words(23.7) == (
        "a GPU of 23.7 GiB: the transformer is kept in int8; training is reckoned to take 18.9 GiB"
    )
    pinned = words(15.7, lock="base ltx-2.3\n") or ""
    assert "kept as it is as the lock says" in pinned and "of its blocks in the host's memory" in pinned
    assert "as the lock says" not in (words(15.7, "memory.quantize=nf4", lock="base ltx-2.3\n") or "")
    assert "which it may not have room for" in (words(4) or "")
    assert words(80, "base=tiny") is None
