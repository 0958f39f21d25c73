"""One sample in latents: a prompt's features, a seed, a weight. Knows neither prompt nor test."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ltxbuild.job import Interrupted, Job, StageError


def run(job: Job) -> None:
    """Write latents.safetensors with one normalised window_000. Raises StageError for a size off the grid."""
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of
    from ltxbuild.model.flow import Size
    from ltxbuild.model.lora import Spec, attached
    from ltxbuild.model.members import features, windows
    from ltxbuild.model.residence import part, resident
    from ltxbuild.model.sampler import sample, sampler_sigmas, start_noise

    params: Any = job.params
    place = place_of(job.context, params)
    transformer = part(place, "transformer")
    sampler = params["sampler"]
    beside = job.inputs.get("reference")
    shown = windows(beside.path)[0][0][None] if beside is not None else None
    size = Size(*_latent_size(params, transformer.config.vae_scale_factors))
    if shown is not None:  # a short reference makes a short sample
        size = replace(size, frames=int(shown.shape[2]))
    sigmas = sampler_sigmas(resident(place).scheduler_config(), size.tokens, sampler)
    noise = start_noise(int(params["seed"]), int(transformer.config.in_channels), size)
    negative = job.inputs.get("negative")

    def after(step: int) -> None:
        job.progress(step, len(sigmas) - 1, "steps")
        if job.interrupted():
            raise Interrupted

    with ExitStack() as stack:
        weight, file = float(params["weight"]), job.inputs.get("adapter")
        if file is not None:
            tensors, metadata = tensor_file.load(file.path)
            adapter = stack.enter_context(attached(transformer, Spec.read(metadata)))
            adapter.fill(tensors)
            stack.enter_context(adapter.weighted(weight))
        latents = sample(
            transformer,
            noise,
            features(job.inputs["text"]),
            features(negative) if negative is not None else None,
            sigmas,
            float(sampler.get("guidance", 1)),
            float(params["fps"]),
            after,
            shown,
        )
    if not bool(latents.isfinite().all()):
        raise StageError("the sample holds values that are not finite: the LoRA or the weight is too strong")
    facts = {name: str(params[name]) for name in ("width", "height")}
    temporal = int(transformer.config.vae_scale_factors[0])
    frames = (size.frames - 1) * temporal + 1
    facts |= {"pixel_frames": str(frames), "fps": repr(float(params["fps"]))}
    tensor_file.save(job.out / "latents.safetensors", {"window_000": latents}, facts)


def _latent_size(params: Any, factors: Any) -> tuple[int, int, int]:
    """Frames, rows and columns in latents, by the compression that the transformer was made for."""
    temporal, vertical, horizontal = (int(f) for f in factors)
    width, height, frames = (int(params[name]) for name in ("width", "height", "frames"))
    if width % horizontal or height % vertical or (frames - 1) % temporal:
        raise StageError(f"a sample of {width}x{height} with {frames} frames is off the grid of this base")
    return (frames - 1) // temporal + 1, height // vertical, width // horizontal
