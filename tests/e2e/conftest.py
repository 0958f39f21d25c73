"""The digests of the packaged base are computed once for all tests here, as they are once for a user."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's cache folder that lives as long as the test process."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def one_cache(neutral: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the cache folder of each test by the common one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
