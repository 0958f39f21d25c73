"""Neutral surroundings for every test: no colours, no terminal, no home folder of anybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch is imported anywhere: threads that wait must sleep, or tests beside each other take several times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# The same examples on every run: a random failure is looked for in the slow suite, not met while landing a change.
settings.register_profile("fast", derandomize=True, deadline=None)
settings.load_profile("fast")


def _move_to(home: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    patch.setenv("NO_COLOR", "1")
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture(scope="session", autouse=True)
def common_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of what is made once for several tests, which is before any of them has its own."""
    home = tmp_path_factory.mktemp("common_home")
    with pytest.MonkeyPatch.context() as patch:
        _move_to(home, patch)
        yield home


@pytest.fixture(autouse=True)
def neutral(
    common_home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A home of its own for each test; caches and configuration live below it."""
    home = tmp_path_factory.mktemp("home")
    _move_to(home, monkeypatch)
    return home
