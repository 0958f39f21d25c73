"""The table of stages: what exists, in which version, run where. Importing it loads no stage.

A stage's version is part of every fingerprint: raise it when the same inputs give other bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Worker = Literal["light", "media", "model"]


@dataclass(frozen=True)
class Stage:
    """One stage: `ltxbuild.stages.<name>.run(job)` writes `outputs`."""

    name: str
    version: int
    worker: Worker
    outputs: tuple[str, ...]


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("probe", 3, "media", ("probe.json",)),
        # The split of the clips goes by the digest of scan.json: what is added to a scan belongs into another file.
        Stage("scan", 4, "media", ("scan.json", "strip.jpg", "moments.json", "moments.jpg", "readable.json")),
        Stage("transcode", 3, "media", ("video.mp4", "facts.json")),
        Stage("preview", 1, "media", ("preview.mp4",)),
        Stage("bucket", 1, "light", ("bucket.json",)),
        Stage("lint_clip", 3, "light", ("findings.json", "fit.json")),
        Stage("lint", 4, "light", ("findings.json", "ok.json")),
        # Loads no torch; it needs the folder of the base, as models do.
        Stage("lint_tokens", 1, "model", ("findings.json", "ok.json")),
        Stage("subject", 1, "model", ("subject.json",)),
        Stage("hearing", 1, "model", ("hearing.json",)),
        Stage("lint_asked", 1, "light", ("findings.json", "ok.json")),
        Stage("latents", 1, "model", ("latents.safetensors",)),
        Stage("sound", 1, "model", ("sound.safetensors",)),
        Stage("text", 2, "model", ("features.safetensors",)),
        Stage("dataset", 2, "light", ("dataset.json",)),
        Stage("train", 2, "model", ("adapter.safetensors", "optimizer.safetensors", "log.json")),
        Stage("loss", 2, "model", ("loss.json",)),
        Stage("halt", 1, "light", ("halt.json",)),
        Stage("select", 2, "light", ("adapter.safetensors", "optimizer.safetensors", "choice.json")),
        Stage("sample", 2, "model", ("latents.safetensors",)),
        Stage("glimpse", 1, "model", ("video.mp4",)),
        Stage("decode", 1, "model", ("video.mp4", "measures.json", "pooled.safetensors")),
        Stage("evaluate", 3, "light", ("evaluation.json", "gate.json")),
        Stage("export", 1, "model", ("lora.safetensors", "export.json")),
        Stage("recommend", 1, "light", ("recommend.json",)),
        Stage("report", 3, "light", ("report.json",)),
    )
}
