"""What a change makes new, without running anything: fingerprints spread as if every action's outputs were its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ltxbuild.engine import digest
from ltxbuild.engine.action import External, Ref, Source
from ltxbuild.engine.fingerprint import walk
from ltxbuild.engine.graph import Graph
from ltxbuild.job import Json
from ltxbuild.project.project import load
from ltxbuild.recipe import make_graph
from ltxbuild.stages.halt import GO
from tests.adapter import files
from tests.project.folder import make

KEYS = tuple(f"mira_{number:02d}" for number in range(1, 5))
LORA = 'name = "mira"\ntrigger = "mira_char"\nclass = "woman"\ntype = "character"\nbase = "ltx-2.3"\n'
CAPTIONS = {key: f"mira_char walks through scene {key[-2:]} at dusk." for key in KEYS}


def folder(root: Path, lora: str = LORA, captions: Mapping[str, str] = CAPTIONS) -> Path:
    """A project of four captioned clips; what is in a clip's file is its name, nothing decodes it here."""
    text = "".join(f'{key} = "{caption}"\n' for key, caption in captions.items())
    make(root, lora, text)
    files.write(root / "older.safetensors", files.lora(rank=8))
    (root / "references").mkdir(exist_ok=True)
    for key in captions:
        (root / "references" / f"{key}.mp4").write_text(f"of {key}")
        (root / "clips" / f"{key}.mp4").write_text(key)
    return root


@dataclass
class Spread:
    """A Lookup in which an output is as new as its producer's fingerprint: no cutoff anywhere."""

    root: Path
    base: str
    other: Iterable[str] = ()
    prints: dict[str, str] = field(default_factory=dict)

    def ref(self, ref: Ref) -> str:
        # A curve that has not been measured ends no training.
        stage = ref.action.partition(":")[0]
        return digest.of_json(GO if stage == "halt" else [self.prints[ref.action], ref.output])

    def source(self, source: Source) -> str:
        return digest.of_bytes((self.root / source.path).read_bytes())

    def external(self, external: External) -> str:
        return digest.of_json([self.base, external.key, external.key in self.other])


@dataclass(frozen=True)
class State:
    """A graph with the fingerprint of every action."""

    graph: Graph
    prints: Mapping[str, str]

    def stages(self, ids: Iterable[str]) -> set[str]:
        """The stages of some actions."""
        return {self.graph.actions[name].stage for name in ids}

    def moved(self, before: State) -> set[str]:
        """The actions that are not what they were under their name; some of them may restore older results."""
        return {name for name, found in self.prints.items() if before.prints.get(name) != found}

    def new(self, before: State) -> set[str]:
        """The actions that would run: their fingerprint was nowhere before."""
        known = set(before.prints.values())
        return {name for name, found in self.prints.items() if found not in known}

    def first(self, before: State) -> set[str]:
        """Of the new ones those whose producers are what they were: where the change begins."""
        moved = self.moved(before)
        return {name for name in self.new(before) if moved.isdisjoint(self.graph.inputs_of(name))}


def state(
    root: Path,
    overrides: Sequence[str] = (),
    mode: str | None = None,
    other: Iterable[str] = (),
    machine: Mapping[str, Json] | None = None,
) -> State:
    """Load the folder and spread fingerprints over its graph; `other` are components of the base that changed."""
    project = load(root, overrides, mode)
    graph = make_graph(project, machine)
    spread = Spread(root, project.base.spec, tuple(other))
    for name in graph.order:
        found = walk(graph.actions[name], spread)
        assert found.known, name
        spread.prints[name] = found.fingerprint
    return State(graph, spread.prints)
