"""The text of ltxbuild.lock: what was built from what. No times, no absolute paths; one line a clip, sorted by its path.

All lines but those of outputs are input lines: they say what the LoRA follows from and nothing else, so that a changed
[lint] or [evaluate] leaves the file alone. Reads and writes no file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ltxbuild.engine.digest import of_bytes, of_json
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.state import Record
from ltxbuild.job import Json
from ltxbuild.project.memory import AS_IS
from ltxbuild.project.pins import public_name, sides
from ltxbuild.project.project import Clip, Project
from ltxbuild.project.settings import SETTINGS

HEADER = "# ltxbuild.lock, written by ltxbuild; commit it. What was built from what."
VERSION = "version 1"
OUTPUT = "output "
# A path to the base belongs to a machine, and its content stands in the lines above; so do precision,
# quantization and the LoRA that training starts from.
ELSEWHERE = (
    "base",
    "memory.precision",
    "memory.quantize",
    "memory.quantize_text",
    "train.init_from",
    "bucket.crop",
    "caption_style",
)
# What only findings and tests depend on says nothing about the LoRA.
ASIDE = ("lint", "evaluate")


@dataclass(frozen=True)
class Facts:
    """What the project's files do not say: the commit that stands for the base's revision, digests, stages' versions.

    `start` is the digest of the LoRA that training started from, empty without one.
    """

    revision: str | None
    components: Mapping[str, str]
    clips: Mapping[str, str]
    references: Mapping[str, str]
    start: str
    stages: Iterable[str]


def input_lines(project: Project, facts: Facts) -> list[str]:
    """Everything that the LoRA follows from."""
    lines = [VERSION, f"base {public_name(project.base)}"]
    if facts.revision:
        lines.append(f"revision {facts.revision}")
    lines.append(f"precision {project.precision}")
    forms = {"quantize": project.quantize, "quantize_text": project.quantize_text}
    lines += [f"{name} {form}" for name, form in forms.items() if form != AS_IS]
    if facts.start:
        lines.append(f"init_from {facts.start}")
    lines += [f"component {name} {digest}" for name, digest in sorted(facts.components.items())]
    mode = str(project.settings.get("train.mode"))
    lines.append(f"settings {mode} {settings_digest(project, mode)}")
    lines.append(" ".join(["stages", *sorted(set(facts.stages))]))
    clips = sorted((unicodedata.normalize("NFC", c.path), c) for c in project.clips if c.path in facts.clips)
    lines += [f"clip {facts.clips[clip.path]} {entry_digest(clip)} {path}" for path, clip in clips]
    shown = sorted((unicodedata.normalize("NFC", path), digest) for path, digest in facts.references.items())
    return lines + [f"reference {digest} {path}" for path, digest in shown]


def settings_digest(project: Project, mode: str) -> str:
    """One digest for all settings and values of the base's card that reach the LoRA."""
    values = {
        setting.key: project.settings.get(setting.key, mode)
        for setting in SETTINGS
        if setting.affects and setting.key not in ELSEWHERE and setting.section not in ASIDE
    }
    card = project.base.card
    geometry = [card.spatial, card.temporal, card.channels, card.grid, card.fps, card.text_length]
    return of_json(cast(Json, [values, geometry, card.sigmas(mode)]))


def entry_digest(clip: Clip) -> str:
    """One digest for what captions.toml says about a clip."""
    said: list[Json] = [clip.caption, clip.start, clip.end, clip.repeats, clip.holdout]
    # Only where it is set: locks from before there was such a key stay as they are.
    if clip.weight != 1:
        said += [clip.crop, clip.weight]
    elif clip.crop:
        said.append(clip.crop)
    return of_json(said)


def stages_of(graph: Graph, action: str, records: Mapping[str, Record]) -> set[str]:
    """Stages with their versions that made the data below an action: an older one still counts where it was kept."""
    seen, stack = {action}, [action]
    while stack:
        for producer in graph.inputs_of(stack.pop()):
            if producer not in seen:
                seen.add(producer)
                stack.append(producer)
    return {f"{records[name].stage}.{records[name].version}" for name in seen if name in records}


def inputs_digest(text: str) -> str:
    """The digest of a lock's input lines."""
    return of_bytes("\n".join(_inputs(text)).encode())


def render_lock(inputs: Sequence[str], outputs: Mapping[str, str], old: str | None) -> str:
    """The new text. From the same inputs another GPU may give other bytes: then the outputs of `old` stay."""
    made = [f"{OUTPUT}{name} {digest}" for name, digest in sorted(outputs.items())]
    for side in sides(old) if old is not None else ():
        kept = [line for line in side.splitlines() if line.startswith(OUTPUT)]
        if _inputs(side) == list(inputs) and _names(kept) == _names(made):
            made = kept
            break
    return "\n".join([HEADER, *inputs, *made]) + "\n"


def outputs_of(text: str) -> dict[str, str]:
    """Digests of delivered files by name, of both sides of a conflict."""
    lines = [line for side in sides(text) for line in side.splitlines() if line.startswith(OUTPUT)]
    return {name: digest for name, _, digest in (line[len(OUTPUT) :].rpartition(" ") for line in lines)}


def _inputs(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(("#", OUTPUT))]


def _names(lines: Iterable[str]) -> list[str]:
    return sorted(line[len(OUTPUT) :].rpartition(" ")[0] for line in lines)
