"""What is expensive is made once for all tests here: a built project, and the digests of the packaged base."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from tests.e2e.project import Run, make_demo, run


@pytest.fixture(scope="session")
def cache_home(common_home: Path) -> Path:
    """A user's cache folder that lives as long as the test process, and serves what is built for a whole file."""
    return common_home / "cache"


@pytest.fixture(autouse=True)
def one_cache(neutral: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the cache folder of each test by the common one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, common_home: Path) -> tuple[Path, Run]:
    """A demo project and how its first build ended; made once also if several processes run the tests. Copy it."""
    own = tmp_path_factory.getbasetemp()
    place = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "built"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = place / "run.json"
        if not told.exists():
            first = run(make_demo(place / "mira"), "--json")
            told.write_text(json.dumps([first.code, first.out, first.err]))
    return place / "mira", Run(*json.loads(told.read_text()))
