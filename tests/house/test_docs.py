"""Documentation that can be checked is checked: references are generated, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ltxbuild.cli import VERBS
from tests.page.material import facts

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("benchmarks/*.md"))]


def test_the_references_are_what_the_parsers_and_the_declaration_say() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "docs.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    text = page.read_text()
    called = re.findall(r"(?:^|`|&& )(?:\.venv/bin/)?ltxbuild ([a-z]+)\b", text, re.MULTILINE)
    assert set(called) <= {*VERBS, "alone"}, page.name


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert not [verb for verb in VERBS if verb != "build" and not re.search(rf"`[^`]*\b{verb}\b[^`]*`", text)]


@pytest.mark.parametrize("mark", ["demo command", "test command"])
def test_the_readmes_two_commands_are_single_lines(mark: str) -> None:
    found = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(found) == 1
    assert len(found[0].splitlines()) == 1


def test_every_key_of_the_report_is_documented(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "report.md").read_text()
    report = facts(tmp_path)
    for key in (*report, *report["tests"][0], *report["clips"][0], *report["samples"][0], *report["verdict"]):
        assert f"`{key}`" in text, key
