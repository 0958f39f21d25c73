"""What a stage is given and what it may say back; knows neither the engine nor any stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

# Covariant on purpose: a list of numbers is JSON too.
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonDict: TypeAlias = "dict[str, Json]"

_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
)


@dataclass(frozen=True)
class File:
    """One input file; `digest` is the xxh3-128 of its bytes in hexadecimal."""

    path: Path
    digest: str


class StageError(Exception):
    """A failure that the stage can explain; the message is shown to the user without a traceback."""


class Wanted(Exception):
    """Raised by a stage that needs an input which was not there when it started; the engine makes it, and runs it anew."""

    def __init__(self, file: File) -> None:
        super().__init__(file.digest)
        self.digest = file.digest


class Interrupted(Exception):
    """Raised by a stage that was asked to stop, after it has kept its partial work."""


class Job(Protocol):
    """One run of one stage: read `inputs`, write every declared output to `out / name`."""

    @property
    def params(self) -> Mapping[str, Json]:
        """Parameters that are part of the fingerprint."""

    @property
    def context(self) -> Mapping[str, Json]:
        """Facts of this machine (folder of the base, device): never part of the fingerprint."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """By name: a File, a JSON value, None (external), a dict of these, or a list of dicts ordered by digest."""

    @property
    def out(self) -> Path:
        """An empty folder for the outputs."""

    @property
    def partial(self) -> Path:
        """A folder that survives a kill and is removed when the outputs are committed; may not exist yet."""

    def progress(self, done: float, total: float, unit: str, **figures: float) -> None:
        """Tell how far the work is, in `unit`s, with figures such as the loss."""

    def note(self, text: str) -> None:
        """Write a line to the log of this action."""

    def interrupted(self) -> bool:
        """True once the stage should keep its partial work and raise Interrupted."""


def dump_json(value: Json) -> bytes:
    """The one way JSON is written into artifacts: sorted, compact, UTF-8. Raises ValueError for NaN or infinity."""
    return _CANONICAL.encode(value).encode("utf-8")


def encode_input(node: Any) -> Json:
    """What a job has among its inputs, as JSON for another process."""
    if isinstance(node, File):
        return {"file": str(node.path), "digest": node.digest}
    if isinstance(node, list):
        return [encode_input(member) for member in node]
    if isinstance(node, dict):
        return {"group": {name: encode_input(child) for name, child in node.items()}}
    return {"value": node}


def decode_input(node: Any) -> Any:
    """The inverse of `encode_input`."""
    if isinstance(node, list):
        return [decode_input(member) for member in node]
    if "group" in node:
        return {name: decode_input(child) for name, child in node["group"].items()}
    if "file" in node:
        return File(Path(node["file"]), node["digest"])
    return node["value"]


def write_json(path: Path, value: Json) -> None:
    """Write canonical JSON. Outputs of a stage need no temporary file: the engine commits them."""
    path.write_bytes(dump_json(value))


def read_json(path: Path) -> Any:
    """Read a JSON file that a stage wrote."""
    return json.loads(path.read_bytes())
