"""Turn samples and losses into verdicts; see `judge` for how. Knows no model and makes no picture.

Inputs (each may be null where it was not made):
  base_loss: loss.json of the base; curve: {step: loss.json}; choice: choice.json
  weights: loss.json over weights; plain: the same items with the class word, weights 0 and 1
  drift: loss.json on the base's own samples, weights 0 and .85
  samples: {sample id: {"measures": measures.json, "pooled": pooled.safetensors}}; of a control LoRA also "target": the
    latents of the clip whose reference it was shown
  training: [{"latents": latents.safetensors}]; dataset: dataset.json (roles of the clips)
Parameters: mode, type (optional), and those that only make a change of them visible.
Outputs: evaluation.json, gate.json.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ltxbuild.job import File, Job, StageError, read_json, write_json
from ltxbuild.stages.heldout import Stop, trained
from ltxbuild.stages.judge.curve import curve
from ltxbuild.stages.judge.evidence import Clip, Evidence, Sample, mean
from ltxbuild.stages.judge.losses import SOUND, Losses, log_ratios, only, read_losses
from ltxbuild.stages.judge.pooling import pooled
from ltxbuild.stages.judge.verdict import gate, judge


def run(job: Job) -> None:
    """Write evaluation.json and gate.json. Raises StageError for values that are not finite."""
    inputs = job.inputs
    evidence = Evidence(
        mode=str(job.params["mode"]),
        kind=str(job.params.get("type", "")),
        samples=_samples(inputs.get("samples")),
        clips=_clips(inputs.get("training"), inputs.get("dataset")),
        weights=_losses(inputs.get("weights")),
        plain=_losses(inputs.get("plain")),
        drift=_losses(inputs.get("drift")),
    )
    choice = read_json(inputs["choice"].path) if inputs.get("choice") else {}
    losses = {int(step): _losses(file) for step, file in (inputs.get("curve") or {}).items()}
    checkpoints = trained(losses, Stop.of(choice.get("stopped")))
    shown = curve(_losses(inputs.get("base_loss")), checkpoints, choice)
    if _measured_in_training(inputs.get("dataset")):
        shown |= {"optimistic": True, "decides": False}
    heard = only(evidence.weights, SOUND)
    if heard:
        shown["sound"] = math.expm1(mean(log_ratios(heard, 1.0, heard).values()))
    evaluation = judge(evidence, shown)
    write_json(job.out / "evaluation.json", evaluation)
    write_json(job.out / "gate.json", gate(evaluation))
    job.note(f"{evaluation['verdict']}: {evaluation['headline']}")


def _measured_in_training(dataset: File | None) -> bool:
    """Whether a window whose loss is measured also trains, as in a set too small to hold any out."""
    clips = read_json(dataset.path)["clips"] if dataset else ()
    return any(set(clip.get("measure", ())) & set(clip.get("train", ())) for clip in clips)


def _losses(file: File | None) -> Losses:
    if file is None:
        return {}
    try:
        return read_losses(read_json(file.path))
    except ValueError as error:
        raise StageError(f"{error}; the training has probably diverged") from error


def _samples(group: Mapping[str, Mapping[str, File]] | None) -> dict[str, Sample]:
    found: dict[str, Sample] = {}
    for name, files in (group or {}).items():
        vector = _tensors(files["pooled"])["pooled"]
        measures = {key: float(value) for key, value in read_json(files["measures"].path).items()}
        if not np.isfinite(vector).all():
            raise StageError(
                f"sample {name} holds values that are not finite; the training has probably diverged"
            )
        target = files.get("target")
        found[name] = Sample(vector.astype(np.float32), measures, target.digest if target else None)
    return found


def _clips(bag: list[dict[str, File]] | None, dataset: File | None) -> dict[str, Clip]:
    roles: dict[str, str] = {}
    if dataset is not None:
        roles = {clip["latents"]: clip["role"] for clip in read_json(dataset.path)["clips"]}
    found: dict[str, Clip] = {}
    for member in bag or ():
        file = member["latents"]
        windows = [
            pooled(tensor) for name, tensor in sorted(_tensors(file).items()) if name.startswith("window_")
        ]
        found[file.digest] = Clip(np.stack(windows), roles.get(file.digest, "train"))
    return found


def _tensors(file: File) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return dict(load_file(file.path))
