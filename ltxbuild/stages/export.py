"""The LoRA as a file for others, loaded back and compared before it counts as done. Knows nothing of its
quality.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ltxbuild.job import Job, StageError, write_json

# Of the largest value of the answer, and of the largest change that the LoRA makes to it: the first allows
# for rounding, the second is far below what a forgotten alpha or a missing layer does.
ROUNDING = {"fp32": 1e-5, "bf16": 1e-2, "fp16": 2e-3}
OF_EFFECT = 0.01


def run(job: Job) -> None:
    """Write lora.safetensors and export.json. Raises StageError when the file is not what was trained."""
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import DTYPES, place_of
    from ltxbuild.model.lora import Spec
    from ltxbuild.model.lora_file import baked, check_tensors, from_file, in_memory
    from ltxbuild.model.residence import part

    params: Any = job.params
    place = place_of(job.context, params)
    saved = str(params.get("dtype") or "fp32")
    if saved not in DTYPES:
        raise StageError(f"the export precision {saved!r} is not known; use fp32, bf16 or fp16")
    transformer = part(place, "transformer")
    tensors, metadata = tensor_file.load(job.inputs["adapter"].path)
    spec = Spec.read(metadata)
    plain, trained, expected = in_memory(transformer, tensors, spec)
    public = baked(tensors, spec, DTYPES[saved])
    check_tensors(public, expected)
    target = job.out / "lora.safetensors"
    tensor_file.save(target, public, _metadata(params, spec.rank))
    loaded, count = from_file(transformer, target, spec.audio)
    if count != expected:
        raise StageError(f"diffusers loaded {count} tensors of the exported file's {expected}")
    difference = float((loaded - trained).abs().max())
    rounding = max(ROUNDING[saved], ROUNDING[place.precision])
    tolerance = rounding * float(trained.abs().max()) + OF_EFFECT * float((trained - plain).abs().max())
    if not difference <= tolerance:
        raise StageError(
            f"the exported file does not do what the trained adapter does: their answers differ "
            f"by {difference:.3g}, {tolerance:.3g} is allowed"
        )
    report: Any = {
        "tensors": count,
        "parameters": sum(t.numel() for t in public.values()),
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "max_difference": difference,
        "tolerance": tolerance,
        "compared": "the transformer's answer to a fixed input: file loaded by diffusers, adapter as trained",
    }
    write_json(job.out / "export.json", report)


def _metadata(params: Any, rank: int) -> dict[str, str]:
    """What tools read: modelspec, kohya's minimum (alpha is the rank once baked in), and our own."""
    name = str(params.get("name") or "lora")
    own = {f"ltxbuild.{key}": str(value) for key, value in dict(params.get("metadata") or {}).items()}
    scale = dict(params.get("metadata") or {}).get("reference_scale")
    shown = (
        {"reference_downscale_factor": str(scale)} if scale else {}
    )  # under which the official code looks for it
    return {
        **shown,
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "ltx-video-2.3/lora",
        "modelspec.implementation": "https://github.com/Lightricks/LTX-2",
        "modelspec.title": name,
        "ss_base_model_version": "ltx-2.3",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(rank),
        "ltxbuild.name": name,
        **own,
    }
