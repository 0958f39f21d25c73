"""The wheel: every module and every data file of the package and nothing else; what pyproject.toml promises."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
import tomli
from hatchling.builders.wheel import WheelBuilder

from ltxbuild.project.types import TYPES

ROOT = Path(__file__).parents[2]
DATA = {
    "py.typed",
    "lint/words.txt",
    "page/report.html",
    "page/style.css",
    "page/script.js",
    "bases/ltx-2.3.toml",
    "bases/tiny.toml",
    "bases/tiny/transformer/diffusion_pytorch_model.safetensors",
    "templates/shared/gitignore",
    *(f"templates/{kind}/{name}" for kind in TYPES for name in ("lora.toml", "captions.toml", "README.md")),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        yield archive


def pyproject() -> dict[str, Any]:
    return tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def package_files() -> set[str]:
    """The files of the package as they lie in the checkout, without what running it leaves behind."""
    found = (path for path in (ROOT / "ltxbuild").rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}


def test_the_wheel_is_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    described = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    assert {name.split("/", 1)[1] for name in described} >= {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
    }
    assert names - described == package_files()
    assert {f"ltxbuild/{name}" for name in DATA} <= names
    assert not [name for name in names if "__pycache__" in name or name.split("/")[0] == "tests"]


def test_the_metadata_is_that_of_pyproject(wheel: zipfile.ZipFile) -> None:
    project = pyproject()["project"]
    (name,) = [n for n in wheel.namelist() if n.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(name).decode("utf-8"))
    required = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert len(required) == len(project["dependencies"])
    assert metadata["Requires-Python"] == project["requires-python"]
    entry = wheel.read(name.replace("METADATA", "entry_points.txt")).decode("utf-8")
    assert "ltxbuild = ltxbuild.cli:main" in entry


SCRIPT = """
import sys
from pathlib import Path
import ltxbuild
from ltxbuild.cli import main
from ltxbuild.project.types import TYPES
root, target = Path(sys.argv[1]), Path(sys.argv[2])
assert Path(ltxbuild.__file__).is_relative_to(root), ltxbuild.__file__
for kind in TYPES:
    words = ["--trigger", "mira_char", "--class", "woman"]
    assert main(["init", kind, str(target / kind), *words]) == 0, kind
    assert main(["config", "-C", str(target / kind)]) == 0, kind
    assert main(["config", "-s", "base=tiny", "-C", str(target / kind)]) == 0, kind
"""


def test_every_template_works_from_the_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "site"), str(tmp_path / "projects")],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for kind in TYPES:
        text = (tmp_path / "projects" / kind / "lora.toml").read_text(encoding="utf-8")
        assert tomli.loads(text)["type"] == kind
        assert len(text.splitlines()) < 20, f"{kind}: a new folder's file is short"
        assert (tmp_path / "projects" / kind / ".gitignore").exists()
        assert (tmp_path / "projects" / kind / "clips").is_dir()


def test_every_dependency_has_its_reason() -> None:
    project = pyproject()["project"]
    wanted = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    for requirement in wanted:
        (line,) = [line for line in lines if f'"{requirement}"' in line and "requires = " not in line]
        reason = line.partition("#")[2].strip()
        assert len(reason.split()) >= 1, f"{requirement} lacks a reason"


def test_what_versions_are_promised() -> None:
    settings = pyproject()
    project = settings["project"]
    assert project["requires-python"] == ">=3.10"
    assert "torch>=2.8,<2.14" in project["dependencies"]
    assert set(project["optional-dependencies"]) == {"dev", "ray", "caption", "detect"}
    assert settings["tool"]["ruff"]["target-version"] == "py310"
    assert settings["tool"]["mypy"]["python_version"] == "3.10" and settings["tool"]["mypy"]["strict"]
