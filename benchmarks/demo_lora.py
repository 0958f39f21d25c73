"""Trains the demo's character by the product's own command, as it is or harmed in a way that should show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import read_json

Captions = dict[str, str]


@dataclass(frozen=True)
class Control:
    """What is done to captions and clips, and the settings it is trained with."""

    captions: Callable[[Captions], Captions] = dict
    settings: tuple[str, ...] = ()


def _no_trigger(captions: Captions) -> Captions:
    return {key: text.replace("mira_char", "shape") for key, text in captions.items()}


def _shuffled(captions: Captions) -> Captions:
    keys = list(captions)
    return dict(zip(keys, [captions[key] for key in keys[5:] + keys[:5]], strict=True))


def _three(captions: Captions) -> Captions:
    return dict(list(captions.items())[:3])


CONTROLS = {
    "demo": Control(),
    "captions without trigger": Control(_no_trigger),
    "captions shuffled": Control(_shuffled),
    "learning rate times 30": Control(settings=("train.learning_rate=0.06",)),
    "three clips": Control(_three),
}

# What a recipe's default stands on: one learning rate for all ranks, and how much of the steps hold the class word.
RECIPES = {
    **{f"rank {rank}": Control(settings=(f"train.rank={rank}",)) for rank in (4, 8, 16, 32)},
    **{f"prior {prior:g}": Control(settings=(f"train.prior={prior:g}",)) for prior in (0, 0.15, 0.5)},
}


def train(folder: Path, control: Control, seed: int) -> Path:
    """Make the demo's folder, harm it, train; the LoRA's path."""
    build(folder, control, "export", f"train.seed={seed}")
    return next((folder / "build").rglob("*.safetensors"))


def build(folder: Path, control: Control, target: str, *settings: str) -> None:
    """Make the demo's folder, harm it, bring a target up to date."""
    ltxbuild = (sys.executable, "-m", "ltxbuild", "-C", str(folder))
    subprocess.run(
        [*ltxbuild[:3], "init", "character", str(folder), "--demo"], check=True, capture_output=True
    )
    file = folder / "captions.toml"
    lines = [
        line.split(" = ", 1) for line in file.read_text().splitlines() if " = " in line and line[0] != "#"
    ]
    captions = control.captions(dict(lines))
    file.write_text("".join(f"{key} = {text}\n" for key, text in captions.items()))
    for clip in (folder / "clips").iterdir():
        if clip.stem not in captions:
            clip.unlink()
    # What is wrong with the harmed sets is what lint would refuse.
    given = [
        word for setting in ('lint.ignore=["ALL"]', *control.settings, *settings) for word in ("-s", setting)
    ]
    subprocess.run([*ltxbuild, target, *given], check=True, capture_output=True)


def made(folder: Path, action: str, output: str) -> Any:
    """A JSON output of what `build` made with settings of its own."""
    (variant,) = (folder / "build").iterdir()  # what has such settings is delivered aside
    space = Workspace(folder, write=False, variant=variant.name)
    try:
        last = space.state.last_walk(action)
        if last is None:
            raise RuntimeError(f"{action} was not built")
        return read_json(space.store.path(space.state.records[last.fingerprint].outputs[output]))
    finally:
        space.close()
