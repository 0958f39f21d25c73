"""Actions and their edges, as plain values; knows neither how they run nor where results are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, TypeAlias

from ltxbuild.job import Json


class Ref(NamedTuple):
    """An output of another action. A `lazy` one is not made again if it was lost, unless the stage asks for it."""

    action: str
    output: str
    lazy: bool = False


class Unless(NamedTuple):
    """An output that counts for nothing while its digest is `neutral`: no part of the fingerprint, null to the stage.

    For what rarely says something, so that an action which never had such an input is the same as one that it leaves
    alone.
    """

    ref: Ref
    neutral: str


class Source(NamedTuple):
    """A file that the user keeps: relative to the project with forward slashes, or absolute if the user named it so."""

    path: str


class External(NamedTuple):
    """Something identified outside the project (the weights of a base): only its digest takes part."""

    key: str


class Value(NamedTuple):
    """A literal that belongs to one member of a bag or group; single parameters go into `Action.params`."""

    value: Json


@dataclass(frozen=True, slots=True)
class Bag:
    """Members without order: fingerprinted and handed to the stage in the order of their digests, not of their names."""

    members: tuple[Mapping[str, Input], ...]


Input: TypeAlias = "Ref | Unless | Source | External | Value | Bag | Mapping[str, Input]"


@dataclass(frozen=True)
class Guard:
    """Must hold before the action runs: `ref` is a JSON output {"ok": bool, "why": str}. Not part of the fingerprint."""

    name: str
    ref: Ref


@dataclass(frozen=True)
class Timeout:
    """A limit of `base` seconds, plus `factor` times the number at `key` of the JSON output `ref` (a duration, say).

    Never more than `most`: the number may be what a file says of itself.
    `ref` must be an output that the action reads anyway or one that is there when it starts; null counts as 0.
    """

    base: float
    factor: float = 0.0
    ref: Ref | None = None
    key: str = ""
    most: float = inf


@dataclass(frozen=True, slots=True)
class Action:
    """A node of the graph. `labels` maps a parameter or input to the words that explain a change of it.

    What stands in braces in them is taken from `subject`, which many actions share.
    `retention` maps an output to the number of successors of the same stage after which it may go.
    """

    id: str
    stage: str
    version: int
    outputs: tuple[str, ...]
    params: Mapping[str, Json] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    context: Mapping[str, Json] = field(default_factory=dict)
    worker: str = "light"
    affinity: str = ""
    timeout: Timeout | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    subject: Mapping[str, str] = field(default_factory=dict)
    retention: Mapping[str, int] = field(default_factory=dict)

    def label(self, name: str) -> str | None:
        """The words for a parameter or input, None if it has none."""
        words = self.labels.get(name)
        return words if words is None else words.format_map(self.subject)
