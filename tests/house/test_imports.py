"""The house rules about imports: downwards only, heavy packages only where they belong, light verbs stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ltxbuild.engine import stamp

PACKAGE = Path(__file__).parents[2] / "ltxbuild"

# Which part of the house may import which other part of it, at any level of a file.
ALLOWED: dict[str, set[str]] = {
    "job": set(),
    "adapter": set(),
    "problem": set(),
    "engine": {"job", "problem", "ltxbuild"},
    "executors": {"engine", "job", "problem"},
    "project": {"adapter", "problem", "job", "model"},
    "stages": {"adapter", "job", "stages", "model", "lint", "problem"},
    "lint": {"job", "problem"},
    "model": {"adapter", "job", "problem"},
    "page": {"job", "ltxbuild"},
    "dataset": {"engine", "problem", "project"},
    "recipe": {"engine", "project", "stages", "job", "problem", "ltxbuild"},
    "console": {"engine", "problem", "project", "job"},
    "commands": {
        *(
            "adapter",
            "cli",
            "commands",
            "console",
            "dataset",
            "engine",
            "executors",
            "job",
            "lint",
            "ltxbuild",
        ),
        *("model", "page", "problem", "project", "recipe", "stages"),
    },
    "cli": {"problem", "commands", "ltxbuild"},
    "__main__": {"cli"},
    "__init__": set(),
}

TORCH = {"torch", "diffusers", "peft", "transformers", "accelerate"}
PIXELS = {"numpy", "av"}


def files() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if "templates" not in p.parts]


def part(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path: Path) -> None:
    own = part(path)
    assert own in ALLOWED, f"{own} has no row in the table of allowed imports"
    for name in imported(ast.parse(path.read_text())):
        pieces = name.split(".")
        if pieces[0] != "ltxbuild":
            continue
        known = len(pieces) > 1 and pieces[1] in ALLOWED
        target = pieces[1] if known else "ltxbuild"
        assert target == own or target in ALLOWED[own], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_at_top_level_only_where_they_belong(path: Path) -> None:
    tree = ast.parse(path.read_text())
    top = ast.Module([n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))], [])
    roots = {name.split(".")[0] for name in imported(top)}
    if part(path) != "model":
        assert not roots & TORCH
    if part(path) not in {"model", "stages", "lint"}:
        assert not roots & PIXELS


HEAVY = "{'torch', 'numpy', 'av', 'diffusers', 'peft', 'transformers', 'rich', 'asyncio'}"


@pytest.mark.parametrize("verb", [["status"], ["why", "report"], ["build", "-n"], ["config"], ["graph"]])
def test_light_verbs_load_nothing_heavy(verb: list[str], tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from ltxbuild.cli import main\n"
        f"assert main(['init', 'character', {str(tmp_path / 'p')!r}, '--trigger', 'mira_char', '--class', 'woman']) == 0\n"
        f"code = main([*{verb!r}, '-C', {str(tmp_path / 'p')!r}])\n"
        f"loaded = {HEAVY} & set(sys.modules)\n"
        "assert code == 0, code\n"
        "assert not loaded, loaded\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


def test_nothing_to_do_imports_nothing_but_the_command_line(tmp_path: Path) -> None:
    """A call that the stamp answers reads no project; `typing` and `dataclasses` alone would double its time."""
    folder = tmp_path / "p"
    (folder / ".ltxbuild").mkdir(parents=True)
    script = (
        "import json, sys\n"
        "from ltxbuild import __version__, cli\n"
        "from ltxbuild.engine import stamp\n"
        "call = json.dumps([__version__, [], None, [], False, False])\n"
        f"with open({str(folder / stamp.FILE)!r}, 'wb') as file:\n"
        "    file.write(json.dumps([call, [], []]).encode() + b'\\n')\n"
        f"assert cli.main(['-C', {str(folder)!r}]) == 0\n"
        "loaded = {'dataclasses', 'typing', 'pathlib', 'shutil', 'xxhash'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "own = {name for name in sys.modules if name.startswith('ltxbuild.')}\n"
        "light = {'cli', 'commands', 'commands.build', 'commands.options', 'engine', 'engine.stamp'}\n"
        "assert own == {f'ltxbuild.{name}' for name in light}, own\n"
    )
    run = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
