"""A record as it travels between machines: JSON without paths and names, taken only if it is what it should be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ltxbuild.engine.state import Record
from ltxbuild.job import JsonDict, dump_json

VERSION = 1
DIGEST = re.compile(r"[0-9a-f]{32}")
NAME = re.compile(r"[\w-][\w.-]*")


@dataclass(frozen=True)
class Parcel:
    """A record with the sizes of its objects by digest."""

    record: Record
    sizes: Mapping[str, int]


def pack(record: Record, sizes: Mapping[str, int]) -> bytes:
    """The bytes that are shared."""
    outputs: JsonDict = {name: [key, sizes[key]] for name, key in record.outputs.items()}
    entry: JsonDict = {
        "v": VERSION,
        "fingerprint": record.fingerprint,
        "free": record.free,
        "stage": record.stage,
        "version": record.version,
        "outputs": outputs,
        "seconds": record.seconds,
        "made_with": record.made_with,
    }
    return dump_json(entry)


def unpack(data: bytes, fingerprint: str) -> Parcel | None:
    """The record of that fingerprint; None if the bytes are anything else."""
    try:
        entry = json.loads(data)
        outputs = {str(name): (str(key), int(size)) for name, (key, size) in entry["outputs"].items()}
        record = Record(
            str(entry["fingerprint"]),
            str(entry["free"]),
            str(entry["stage"]),
            int(entry["version"]),
            {name: key for name, (key, _) in outputs.items()},
            float(entry["seconds"]),
            str(entry["made_with"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    fits = entry.get("v") == VERSION and record.fingerprint == fingerprint and _sound(record)
    return Parcel(record, dict(outputs.values())) if fits else None


def _sound(record: Record) -> bool:
    digests: list[Any] = [record.fingerprint, record.free, *record.outputs.values()]
    return all(DIGEST.fullmatch(one) for one in digests) and all(
        NAME.fullmatch(name) for name in record.outputs
    )
