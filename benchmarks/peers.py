"""The same project for each tool: N source files, and three copies in a row for each. Measures nothing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STEPS = "abc"
OURS, FULL = "ltxbuild's engine", "the same, without its stamp"
DRIVER = Path(__file__).with_name("graph_driver.py")


@dataclass(frozen=True)
class Tool:
    """`write` makes the tool's files in a folder with `src/`; `command` brings it up to date, two jobs at a time.

    `record` takes outputs that are there for what the tool made itself. `cold` is False where another row has that.
    """

    name: str
    command: tuple[str, ...]
    write: Callable[[Path, list[str]], None]
    prepare: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cold: bool = True


def source(name: str) -> str:
    """Where the source of a clip is."""
    return f"src/{name}.txt"


def chain(name: str) -> list[tuple[str, str, str]]:
    """The three actions of a clip: step, input, output."""
    files = [source(name), *(f"out/{name}.{step}" for step in STEPS)]
    return list(zip(STEPS, files, files[1:], strict=False))


def write_make(folder: Path, names: list[str]) -> None:
    """One explicit rule for each action."""
    rules = [f"{out}: {given}\n\t@cp $< $@" for name in names for _, given, out in chain(name)]
    everything = " ".join(chain(name)[-1][2] for name in names)
    (folder / "Makefile").write_text(f"all: {everything}\n" + "\n".join(rules) + "\n.PHONY: all\n")


def write_ninja(folder: Path, names: list[str]) -> None:
    """One build line for each action."""
    lines = [f"build {out}: cp {given}" for name in names for _, given, out in chain(name)]
    (folder / "build.ninja").write_text("rule cp\n  command = cp $in $out\n" + "\n".join(lines) + "\n")


def write_doit(folder: Path, names: list[str]) -> None:
    """A generator of tasks that lists `src/`, as a dodo.py does."""
    (folder / "dodo.py").write_text(
        "import os\n"
        "def task_copy():\n"
        "    for name in sorted(os.path.splitext(n)[0] for n in os.listdir('src')):\n"
        "        given = f'src/{name}.txt'\n"
        "        for step in 'abc':\n"
        "            out = f'out/{name}.{step}'\n"
        "            yield {'name': f'{name}.{step}', 'actions': [['cp', given, out]],\n"
        "                   'file_dep': [given], 'targets': [out]}\n"
        "            given = out\n"
    )


def write_dvc(folder: Path, names: list[str]) -> None:
    """One stage for each action."""
    lines = ["stages:"]
    for name in names:
        for step, given, out in chain(name):
            lines += [f"  {name}_{step}:", f"    cmd: cp {given} {out}"]
            lines += [f"    deps: [{given}]", f"    outs: [{out}]"]
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")


def write_snakemake(folder: Path, names: list[str]) -> None:
    """Three rules with a wildcard, and the list of what is wanted."""
    rules = "".join(
        f"rule {step}:\n    input: '{given}'\n    output: '{out}'\n    shell: 'cp {{input}} {{output}}'\n"
        for step, given, out in chain("{name}")
    )
    (folder / "Snakefile").write_text(
        "import os\n"
        "NAMES = sorted(os.path.splitext(n)[0] for n in os.listdir('src'))\n"
        "rule all:\n    input: expand('out/{name}.c', name=NAMES)\n" + rules
    )


def write_nothing(folder: Path, names: list[str]) -> None:
    """The driver lists `src/` itself."""


def tools(venv: Path) -> list[Tool]:
    """The tools that are there: make from the system, ltxbuild from this interpreter, the others from `venv`."""
    record = (sys.executable, str(DRIVER), "--in-process")
    here, path = str(DRIVER), {"PYTHONPATH": str(DRIVER.parents[1])}
    found = [
        Tool(OURS, (sys.executable, here), write_nothing, (), record, path),
        Tool(FULL, (sys.executable, here, "--no-stamp"), write_nothing, (), record, path, cold=False),
    ]
    if shutil.which("make"):
        found.append(Tool("make", ("make", "-r", "-j2", "-s"), write_make, record=("make", "-r", "-s", "-t")))
    ninja = ("ninja", "-j2", "--quiet")  # it goes on where it was ended
    peers = [
        Tool("ninja", ninja, write_ninja, record=ninja),
        Tool("doit", ("doit", "-n", "2", "-P", "thread"), write_doit, record=("doit", "reset-dep")),
        Tool(
            "DVC",
            ("dvc", "repro", "-q"),
            write_dvc,
            ("dvc", "init", "-q", "--no-scm"),
            ("dvc", "commit", "-q", "-f"),
            {"DVC_NO_ANALYTICS": "1"},
        ),
        Tool(
            "Snakemake",
            ("snakemake", "-c2", "-q", "all"),
            write_snakemake,
            record=("snakemake", "-c2", "-q", "all", "--touch"),
        ),
    ]
    return found + [_inside(venv, tool) for tool in peers if (venv / "bin" / tool.command[0]).exists()]


def missing(venv: Path) -> list[str]:
    """The peers that are not installed."""
    wanted = {"ninja": "ninja", "doit": "doit", "dvc": "DVC", "snakemake": "Snakemake"}
    lost = [name for command, name in wanted.items() if not (venv / "bin" / command).exists()]
    return lost if shutil.which("make") else ["make", *lost]


def _inside(venv: Path, tool: Tool) -> Tool:
    def of(command: tuple[str, ...]) -> tuple[str, ...]:
        return (str(venv / "bin" / command[0]), *command[1:]) if command else ()

    # Its own programs first: Snakemake starts `python`, and doit may start itself again.
    path = {"PATH": f"{venv / 'bin'}:/usr/local/bin:/usr/bin:/bin"}
    calls = of(tool.command), tool.write, of(tool.prepare), of(tool.record)
    return Tool(tool.name, *calls, environment={**path, **tool.environment})
