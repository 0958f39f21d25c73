"""What each build used, one small file a build: the records, what of them may go, and its files. Removes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ltxbuild.engine import files
from ltxbuild.engine.action import Ref
from ltxbuild.engine.graph import Graph, leaves
from ltxbuild.engine.state import Record
from ltxbuild.job import JsonDict, dump_json

FOLDER = "builds"


@dataclass(frozen=True)
class Manifest:
    """`records` by fingerprint, `dropped` digests that the build does without, `files` and `shown` digests by name.

    `files` are the deliverables by their path in the build folder, `shown` what its page shows besides.
    """

    records: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)


def write(folder: Path, number: int, manifest: Manifest) -> None:
    """Keep the manifest of build `number` below the workspace's folder."""
    entry: JsonDict = {
        "v": 1,
        "records": list(manifest.records),
        "dropped": list(manifest.dropped),
        "files": dict(manifest.files),
        "shown": dict(manifest.shown),
    }
    files.write_atomic(_path(folder, number), dump_json(entry), durable=False)


def read(folder: Path, number: int) -> Manifest | None:
    """The manifest of a build; None if there is none, or if it is damaged."""
    try:
        entry = json.loads(_path(folder, number).read_bytes())
        lists = tuple(entry["records"]), tuple(entry["dropped"])
        return Manifest(*lists, dict(entry["files"]), dict(entry["shown"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def numbers(folder: Path) -> Iterator[int]:
    """The builds that have a manifest."""
    for entry in files.scan(folder / FOLDER):
        stem, _, end = entry.name.partition(".")
        if stem.isdigit() and end == "json":
            yield int(stem)


def remove(folder: Path, number: int) -> None:
    """Forget what a build used."""
    files.remove(_path(folder, number))


def _path(folder: Path, number: int) -> Path:
    return folder / FOLDER / f"{number}.json"


def dispensable(graph: Graph, records: Mapping[str, Record]) -> set[str]:
    """Digests of outputs that have outlived their use, and that are no other output's content at the same time.

    An action says by `retention` how many successors of the same stage one of its outputs outlives.
    """
    marked = [name for name in records if graph.actions[name].retention]
    ranks = _successors(graph, records, marked)
    gone: set[str] = set()
    for name in marked:
        for output, outlives in graph.actions[name].retention.items():
            if ranks[name] >= outlives and output in records[name].outputs:
                gone.add(records[name].outputs[output])
    return gone - set(_held(graph, records, ranks))


def _held(graph: Graph, records: Mapping[str, Record], ranks: Mapping[str, int]) -> Iterator[str]:
    for name, record in records.items():
        retention = graph.actions[name].retention
        for output, digest in record.outputs.items():
            if output not in retention or ranks[name] < retention[output]:
                yield digest


def _successors(graph: Graph, records: Mapping[str, Record], marked: Iterable[str]) -> dict[str, int]:
    """For each action how long the chain is of finished ones of its stage that read what it retains."""
    ranks = dict.fromkeys(marked, 0)
    # Users before what they use, so that each chain is known when its head is asked.
    for name in sorted(ranks, key=graph.rank.__getitem__, reverse=True):
        for producer in _read(graph, name):
            if producer in ranks and graph.actions[producer].stage == graph.actions[name].stage:
                ranks[producer] = max(ranks[producer], ranks[name] + 1)
    return ranks


def _read(graph: Graph, name: str) -> set[str]:
    return {
        leaf.action
        for leaf in leaves(graph.actions[name].inputs)
        if isinstance(leaf, Ref) and leaf.output in graph.actions[leaf.action].retention
    }
