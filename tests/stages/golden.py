"""Golden summaries: one a stage and version, kept in golden.json; and how far two of them differ."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.model import device
from ltxbuild.stages import STAGES
from tests.model.parts import install
from tests.stages.bench import Bench
from tests.stages.cases import CASES, PARTS
from tests.stages.summary import summary

FILE = Path(__file__).with_name("golden.json")
# Arithmetic alone is the same on any machine, models are so nearly, pixels that a codec had in its hands less.
CLOSE = {"light": 1e-4, "media": 0.02, "model": 2e-3}
THROUGH_CODEC = {"latents": 0.02, "decode": 0.02}
OF_FLOW, FLOW = (
    "/scan.json/subject/",
    5e-4,
)  # widths a second by which optical flow differs between processors
HASH = re.compile(r"[0-9a-f]{16}")
BITS = 6  # of 64 in which two hashes of one picture may differ


def make(stage: str, root: Path) -> dict[str, Any]:
    """Run every case of a stage and summarise its outputs."""
    with pytest.MonkeyPatch.context() as patch:
        # These models are so small that two threads only wait for each other.
        patch.setattr(device, "CPU_THREADS", 1)
        parts = {name: build() for name, build in PARTS.get(stage, {}).items()}
        bench = Bench(root, install(patch, **parts) if parts else {})
        media = STAGES[stage].worker == "media"
        found = {name: summary(case(bench), media) for name, case in CASES[stage].items()}
    # Through JSON, so that what is compared is what is stored.
    result: dict[str, Any] = json.loads(json.dumps(found))
    return result


def load() -> dict[str, Any]:
    """What is stored; nothing if there is no file yet."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def store(entries: dict[str, Any]) -> None:
    """Write golden.json: sorted, one leaf a line where it is short enough to read."""
    text = json.dumps(entries, indent=1, sort_keys=True, ensure_ascii=False)
    flat = re.sub(r"\[[^\[\]{}]*\]", lambda m: re.sub(r"\s*\n\s*", " ", m.group()), text)
    FILE.write_text(flat + "\n", encoding="utf-8")


def differences(stage: str, old: Any, new: Any) -> list[str]:
    """Where two summaries of a stage are not the same."""
    close = THROUGH_CODEC.get(stage, CLOSE[STAGES[stage].worker])
    return list(_differences(old, new, close, ""))


def _differences(old: Any, new: Any, close: float, where: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key in old and key in new:
                yield from _differences(old[key], new[key], close, f"{where}/{key}")
            else:
                yield f"{where}/{key} is {'gone' if key in old else 'new'}"
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        # Small values beside large ones are known as exactly as the large ones.
        slack = close * max(map(abs, old), default=0) if all(type(v) is float for v in old) else 0.0
        for index, pair in enumerate(zip(old, new, strict=True)):
            if not (slack and type(pair[1]) is float and abs(pair[0] - pair[1]) <= slack):
                yield from _differences(*pair, close, f"{where}[{index}]")
    elif not _same(old, new, close, FLOW if OF_FLOW in where else 1e-9):
        yield f"{where}: {old!r} -> {new!r}"


def _same(old: Any, new: Any, close: float, least: float) -> bool:
    if type(old) is not type(new):
        return False
    if isinstance(old, float):
        return math.isclose(old, new, rel_tol=close, abs_tol=least)
    if isinstance(old, str) and HASH.fullmatch(old) and HASH.fullmatch(new):
        return bin(int(old, 16) ^ int(new, 16)).count("1") <= BITS
    return bool(old == new)
