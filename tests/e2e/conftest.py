"""The digests of the packaged base are computed once for all tests here, as they are once for a user."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cache_home(common_home: Path) -> Path:
    """A user's cache folder that lives as long as the test process, and serves what is built for a whole file."""
    return common_home / "cache"


@pytest.fixture(autouse=True)
def one_cache(neutral: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the cache folder of each test by the common one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
