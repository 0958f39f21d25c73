"""`ltxbuild graph` in its three forms: the same edges in each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ltxbuild.cli import main
from tests.project.folder import LORA, make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path, LORA.replace("ltx-2.3", "tiny"), 'one = "mira_char a"\n', ("one.mp4",))


def printed(root: Path, form: str, capsys: pytest.CaptureFixture[str], *targets: str) -> str:
    assert main(["graph", *targets, "--format", form, "-C", str(root)]) == 0
    return capsys.readouterr().out


def test_json_dot_and_text_have_the_same_edges(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(printed(root, "json", capsys))
    edges = {(before, row["action"]) for row in rows for before in row["needs"]}
    guards = {(guard, row["action"]) for row in rows for guard in row["guards"]}
    dot = printed(root, "dot", capsys)
    assert dot.startswith("digraph") and dot.rstrip().endswith("}")
    drawn = set(re.findall(r'"([^"]+)" -> "([^"]+)";', dot))
    dashed = set(re.findall(r'"([^"]+)" -> "([^"]+)" \[style=dashed\];', dot))
    assert (drawn, dashed) == (edges, guards) and edges and guards
    told = set()
    for line in printed(root, "text", capsys).splitlines():
        action, _, needs = line.partition(" <- ")
        told |= {(need.strip("()"), action) for need in needs.split()}
    assert told == edges | guards


def test_a_target_shows_only_what_it_needs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [row["action"] for row in json.loads(printed(root, "json", capsys, "text:one"))]
    assert names == ["text:one"]
