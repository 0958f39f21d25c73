"""A real project folder of N clips that is up to date, without decoding a clip or opening a model.

The folder is what `ltxbuild init` makes, with N tiny files in clips/ and a caption each. Its records are written for
the product's own graph, with a few bytes as each output instead of what the stage would make; the product's own build
then delivers. What is measured afterwards is the unchanged command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from ltxbuild.engine.task import OnProgress, Result, Task
from ltxbuild.job import dump_json

if TYPE_CHECKING:
    from ltxbuild.commands.session import Session
    from ltxbuild.engine.action import External, Ref, Source
    from ltxbuild.engine.state import Record

OPEN = dump_json({"ok": True, "why": ""})
# What the build itself reads of an output; everything else may hold anything.
READ = {
    "readable.json": OPEN,
    "ok.json": OPEN,
    "gate.json": OPEN,
    "probe.json": dump_json({"duration": 2.0}),
    "evaluation.json": dump_json({"verdict": "PASS"}),
}


def pretended(output: str, action: str) -> bytes:
    """A few bytes for an output, others for each action."""
    return READ.get(output, f"{output} of {action}".encode())


class PretendExecutor:
    """Writes every output of a task at once."""

    def __init__(self, jobs: int) -> None:
        self.slots = {"light": jobs, "media": jobs, "model": 1}

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """Execute nothing, write all."""
        from ltxbuild.stages import STAGES

        for name in STAGES[task.stage].outputs:
            (task.out / name).write_bytes(pretended(name, task.action))
        return Result("done")

    def interrupt(self) -> None:
        """Nothing runs long enough."""

    def kill(self) -> None:
        """Nothing runs long enough."""

    async def close(self) -> None:
        """Nothing to end."""


def create(folder: Path, clips: int) -> None:
    """The folder with its clips and captions, not built yet."""
    from ltxbuild.cli import main

    with open(os.devnull, "w") as quiet, redirect_stdout(quiet), redirect_stderr(quiet):
        main(["init", "character", str(folder), "--trigger", "mira_char", "--class", "woman"])
    lora = folder / "lora.toml"
    lines = lora.read_text().splitlines()
    lora.write_text(
        "\n".join('base = "tiny"' if line.startswith("base =") else line for line in lines) + "\n"
    )
    (folder / "clips").mkdir(exist_ok=True)
    for index in range(clips):
        (folder / "clips" / f"clip_{index:05d}.mp4").write_bytes(b"clip %d" % index)
    (folder / "captions.toml").write_text("".join(caption(index) for index in range(clips)))


def caption(index: int, word: str = "walks") -> str:
    """One line of captions.toml, of an ordinary length."""
    return (
        f'clip_{index:05d} = "mira_char, a woman with a red scarf, {word} along a rainy street at night while a tram '
        f'passes behind her and neon signs are mirrored in puddle number {index}."\n'
    )


def edit_caption(folder: Path, word: str) -> None:
    """Change one word of the caption in the middle of the file."""
    path = folder / "captions.toml"
    lines = path.read_text().splitlines(keepends=True)
    middle = len(lines) // 2
    path.write_text("".join([*lines[:middle], caption(middle, word), *lines[middle + 1 :]]))


def record(folder: Path) -> None:
    """A record for each action of the folder, as if it had run."""
    from ltxbuild.commands.options import made_with
    from ltxbuild.commands.session import Choice, open_session
    from ltxbuild.engine.digest import of_bytes
    from ltxbuild.engine.fingerprint import walk
    from ltxbuild.engine.state import Record

    with open_session(Choice(folder), write=True) as session:
        space, known, bags = session.space, Known(session), {}  # type: ignore[var-annotated]
        libraries = made_with()
        for name in session.graph.order:
            action = session.graph.actions[name]
            found = walk(action, known, bags)
            contents = {output: pretended(output, name) for output in action.outputs}
            for data in contents.values():
                target = space.store.path(of_bytes(data))
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            outputs = {output: of_bytes(data) for output, data in contents.items()}
            parts = found.fingerprint, found.free, found.stage, found.version
            known.records[name] = Record(*parts, outputs, 0.1, libraries)
            space.state.add_record(known.records[name])
            space.state.add_walk(name, found)


class Known:
    """The lookups of a walk: all producers have their record, files and base are hashed when they are asked for."""

    def __init__(self, session: Session) -> None:
        self.records: dict[str, Record] = {}
        self._stats, self._outside = session.space.stats, cache(session.identity.resolve)

    def ref(self, ref: Ref) -> str:
        """From the record."""
        return self.records[ref.action].outputs[ref.output]

    def source(self, source: Source) -> str:
        """From the file."""
        return self._stats.digest(source.path)

    def external(self, external: External) -> str:
        """From the base."""
        return self._outside(external.key)


def build(folder: Path, executor: type[PretendExecutor] = PretendExecutor) -> int:
    """The product's build of the folder, its stages and pages pretended."""
    from ltxbuild.cli import main

    with (
        open(os.devnull, "w") as quiet,
        redirect_stdout(quiet),
        redirect_stderr(quiet),
        patch("ltxbuild.executors.local.LocalExecutor", executor),
        patch("ltxbuild.commands.delivery._report", lambda *_: b"a report"),
        patch("ltxbuild.commands.delivery._lint", lambda *_: b"a lint sheet"),
    ):
        return main(["-C", str(folder)])


def settle(folder: Path) -> None:
    """Build until the stamp is there: it vouches only for files that are older than a tick of the clock."""
    assert build(folder) == 0
    while not (folder / ".ltxbuild" / "stamp").exists():
        time.sleep(0.2)
        assert build(folder) == 0


def until_text(folder: Path) -> None:
    """Build; print CPU and wall seconds from the start of this process to the start of the first text feature."""

    class Noting(PretendExecutor):
        async def run(self, task: Task, on_progress: OnProgress) -> Result:
            if task.stage != "text":
                return await super().run(task, on_progress)
            print(time.process_time(), time.time() - float(os.environ["STARTED"]), file=sys.__stdout__)
            raise KeyboardInterrupt

    build(folder, Noting)


def _call(verb: str, folder: Path, environment: Mapping[str, str]) -> str:
    command = [sys.executable, __file__, verb, str(folder)]
    run = subprocess.run(
        command, env={**os.environ, **environment}, check=True, capture_output=True, text=True
    )
    return run.stdout


def prepare(folder: Path, clips: int, environment: Mapping[str, str]) -> None:
    """Make the folder and bring it up to date, in a process of its own."""
    _call(f"create-{clips}", folder, environment)
    _call("settle", folder, environment)


def time_until_text(folder: Path, version: int, environment: Mapping[str, str]) -> tuple[float, float]:
    """CPU and wall seconds from the call of `ltxbuild` until the features of an edited caption are computed."""
    edit_caption(folder, f"runs {version} times")
    started = {"STARTED": str(time.time())}
    cpu, wall = _call("until-text", folder, {**environment, **started}).split()
    return float(cpu), float(wall)


def _main(verb: str, folder: Path) -> None:
    if verb == "settle":
        record(folder)
        settle(folder)
    elif verb == "until-text":
        until_text(folder)
    else:
        create(folder, int(verb.removeprefix("create-")))


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
