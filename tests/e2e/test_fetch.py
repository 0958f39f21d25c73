"""`ltxbuild fetch` against a Hub on this machine that is as unreliable as a network can be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ltxbuild.project.card import BASES
from tests.base.hub_server import COMMIT, Hub, contents, serving
from tests.e2e.project import Run, run
from tests.project.folder import make

NAME = "someone/tiny-ltx"
LORA = f'name = "mira"\ntrigger = "mira_char"\nclass = "woman"\ntype = "character"\nbase = "{NAME}"\n'
LARGE = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub(NAME, contents(BASES / "tiny"))) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "mira", LORA)


def fetched(done: Run, hub: Hub) -> None:
    """Everything that a build reads is there, whole, below the commit's name."""
    assert done.code == 0, done.err
    place = Path(done.out.strip())
    assert place.name == COMMIT
    for name, content in hub.files.items():
        if name.split("/")[0] in (
            "transformer",
            "vae",
            "connectors",
            "text_encoder",
            "tokenizer",
            "scheduler",
        ):
            assert hashlib.sha256((place / name).read_bytes()).digest() == hashlib.sha256(content).digest(), (
                name
            )


def test_size_and_licence_are_said_before_anything_is_fetched(folder: Path, hub: Hub) -> None:
    done = run(folder, "fetch")
    assert done.code == 2
    assert "licence: " in done.err and " MB to fetch" in done.err and "error[B206]" in done.err
    assert not hub.asked
    fetched(run(folder, "fetch", "--yes"), hub)
    asked = {name: list(ranges) for name, ranges in hub.asked.items()}
    # Once it is here, nobody is asked, and nothing is said about licences again.
    again = run(folder, "fetch")
    assert again.code == 0 and "licence" not in again.err
    assert hub.asked == asked


def test_a_connection_that_breaks_is_taken_up_where_it_was(folder: Path, hub: Hub) -> None:
    """Within one call; what was written before the cut is not fetched again."""
    name = "transformer/more.safetensors"
    hub.files[name] = bytes(range(256)) * 100_000
    hub.cut[name] = 15_000_000
    fetched(run(folder, "fetch", "--yes"), hub)
    first, second = hub.asked[name]
    assert first == "" and second.startswith("bytes=")
    assert 5_000_000 < int(second.removeprefix("bytes=").split("-")[0]) <= 15_000_000


@pytest.mark.parametrize("code", [500, 503])
def test_a_hub_that_is_out_of_order_costs_a_second_try_and_nothing_else(
    folder: Path, hub: Hub, code: int
) -> None:
    hub.errors = [code] * 200
    first = run(folder, "fetch", "--yes")
    assert first.code == 1
    assert "error[B203]" in first.err and "Traceback" not in first.err
    hub.errors = []
    fetched(run(folder, "fetch", "--yes"), hub)


def test_a_gated_repository_says_what_to_do(folder: Path, hub: Hub) -> None:
    hub.gated = True
    done = run(folder, "fetch", "--yes")
    assert done.code == 1
    assert (
        "error[B203]" in done.err and "licence has to be accepted" in done.err and "hf auth login" in done.err
    )


def test_a_file_shorter_than_promised_does_not_count(folder: Path, hub: Hub, tmp_path: Path) -> None:
    hub.cut = {LARGE: 10}
    hub.errors = []
    fetched(run(folder, "fetch", "--yes"), hub)


def test_a_base_in_the_package_needs_no_fetching(tmp_path: Path) -> None:
    made = make(tmp_path / "mira", LORA.replace(NAME, "tiny"))
    done = run(made, "fetch")
    assert (done.code, done.err) == (0, "")
    assert Path(done.out.strip()).samefile(BASES / "tiny")
