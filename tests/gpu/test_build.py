"""The whole command on a GPU: a build that is killed again and again ends with the unbroken one's bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from ltxbuild.project.memory import device_of
from tests.e2e.project import kill_when, make_demo, run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
DELIVERED = ("mira.safetensors", "mira.json")


@pytest.mark.timeout(600)
def test_a_build_that_is_killed_ends_with_the_same_lora(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device_of("auto") == "cuda"
    whole, cut = make_demo(tmp_path / "one" / "mira"), tmp_path / "other" / "mira"
    shutil.copytree(whole, cut)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one" / "cache"))
    unbroken = run(whole, "--json")
    assert unbroken.code == 0, unbroken.err
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other" / "cache"))
    for action in ("train:fast:0004", "train:fast:0008", "tail:fast:0012"):
        for event in ("running", "progress"):
            kill_when(cut, [], f'"action":"{action}","event":"{event}"')
    kill_when(cut, [], '"action":"sample:fast:')
    done = run(cut, "--json")
    assert done.code == 0, done.err
    for name in DELIVERED:
        assert (whole / "build" / name).read_bytes() == (cut / "build" / name).read_bytes()
