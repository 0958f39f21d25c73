"""Where golden cases are made: runs stages in a folder, and makes input files whose bytes are the same anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltxbuild.job import File, Json
from tests.fake_job import FakeJob, as_file, json_file

SPEC = {"rank": "4", "alpha": "11.3137085", "targets": "attention+ff"}


def wave(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Numbers from -1 to 1 that look random. Whole numbers make them: a generator's last bits differ by processor."""
    steps = np.arange(np.prod(shape, dtype=int), dtype=np.int64) + 7919 * (seed + 1)
    numbers = (steps * steps * 31 + steps * 17) % 2003 / 1001 - 1
    return np.asarray(numbers, np.float32).reshape(shape)


@dataclass
class Bench:
    """A folder for inputs and jobs; `context` names the resident base."""

    root: Path
    context: Mapping[str, Json] = field(default_factory=dict)
    made: int = 0

    def path(self, name: str) -> Path:
        """A place for one more input."""
        self.made += 1
        folder = self.root / "inputs" / f"{self.made:03d}"
        folder.mkdir(parents=True)
        return folder / name

    def json(self, value: Any) -> File:
        """A JSON input."""
        return json_file(self.path("value.json"), value)

    def tensors(self, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> File:
        """A safetensors input."""
        import torch

        from ltxbuild.model import tensor_file

        path = self.path("tensors.safetensors")
        tensor_file.save(path, {name: torch.from_numpy(a) for name, a in arrays.items()}, metadata)
        return as_file(path)

    def run(self, stage: str, inputs: Mapping[str, Any], **params: Any) -> Path:
        """Run a stage and return the folder of its outputs."""
        self.made += 1
        job = FakeJob(self.root / "jobs" / f"{self.made:03d}", params, inputs, self.context)
        import_module(f"ltxbuild.stages.{stage}").run(job)
        return job.out
