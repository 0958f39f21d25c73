"""The Hub: found in its cache without asking anybody, or refused with a word on what is missing and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import huggingface_hub
import pytest
from huggingface_hub import constants, errors

from ltxbuild.model.hub import PARTS, Repository, cached, fetch
from ltxbuild.problem import ProjectError

NAME = "someone/some-base"
GATED = [{"repository": "google/gemma", "part": "text encoder", "licence": "Gemma Terms"}]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The snapshot folder of NAME in a cache of its own, with every part in two shards."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--someone--some-base"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    snapshot = repository / "snapshots" / "c0ffee"
    for part in PARTS:
        (snapshot / part).mkdir(parents=True)
        for number in (1, 2):
            (snapshot / part / f"model-{number:05d}-of-00002.safetensors").write_bytes(b"")
    return snapshot


def test_a_whole_snapshot_is_found_without_asking(hub: Path) -> None:
    found = cached(Repository(NAME, "main"))
    assert found is not None and found.resolve() == hub.resolve()


def test_nothing_is_found_where_nothing_is(hub: Path) -> None:
    assert cached(Repository("someone/else", "main")) is None
    assert cached(Repository(NAME, "v2")) is None


@pytest.mark.parametrize("part", PARTS)
def test_a_fetch_that_was_cut_off_does_not_count(part: str, hub: Path) -> None:
    (hub / part / "model-00002-of-00002.safetensors").unlink()
    assert cached(Repository(NAME, "main")) is None


def refusal(monkeypatch: pytest.MonkeyPatch, error: Exception) -> str:
    def refuse(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(ProjectError) as caught:
        fetch(Repository(NAME, "main", "a licence", tuple(GATED)))
    problem = caught.value.problems[0]
    assert (problem.code, caught.value.exit_code) == ("B203", 1)
    assert NAME in problem.message
    return f"{problem.message} | {problem.hint}"


def answer(code: int) -> Any:
    """A response of whatever library the Hub's client is built on."""
    return MagicMock(status_code=code)


def test_a_gated_repository_says_where_to_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    text = refusal(monkeypatch, errors.GatedRepoError("no", response=answer(403)))
    assert "gated" in text and "a licence" in text and "accept it on the repository's page" in text
    assert "google/gemma" in text and "Gemma Terms" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.RepositoryNotFoundError("no", response=answer(401)), "hf auth login"),
        (errors.RevisionNotFoundError("no", response=answer(404)), "no revision `main`"),
        (errors.HfHubHTTPError("no", response=answer(500)), "connect to the network"),
        (errors.LocalEntryNotFoundError("no"), "connect to the network"),
        (errors.OfflineModeIsEnabled("no"), "ltxbuild rehearse"),
        (ConnectionResetError(104, "reset"), "connect to the network"),
        (OSError(28, "No space left on device"), "No space left on device | make room"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_refusal_names_the_base_and_what_to_do(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert words in refusal(monkeypatch, error)
