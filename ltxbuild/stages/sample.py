"""One sample in latents: a prompt's features, a seed, a weight. Knows neither prompt nor test."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltxbuild.job import Interrupted, Job, StageError

if TYPE_CHECKING:
    import torch

    from ltxbuild.model.flow import Size
    from ltxbuild.model.sampler import Prompt, Start


def run(job: Job) -> None:
    """Write latents.safetensors with one normalised window_000 and, where there is sound, sound_000.

    Raises StageError for a size off the grid.
    """
    from ltxbuild.model import tensor_file

    tensor_file.save(job.out / "latents.safetensors", *drawn(job))


def drawn(job: Job) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The sample's latents, and what its file says of it."""
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of
    from ltxbuild.model.lora import Spec, attached
    from ltxbuild.model.residence import part, resident
    from ltxbuild.model.sampler import Guidance, sample, sampler_sigmas

    params: Any = job.params
    place = place_of(job.context, params)
    transformer = part(place, "transformer")
    sampler = params["sampler"]
    size, start = _start(job, transformer.config)
    sigmas = sampler_sigmas(resident(place).scheduler_config(), size.tokens, sampler)
    negative, scale = job.inputs.get("negative"), float(sampler.get("guidance", 1))
    guidance = Guidance(
        None if negative is None else _prompt(negative, place.audio),
        scale,
        float(params.get("audio_guidance", scale)) if start.sound is not None else scale,
    )

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
        text, fps = _prompt(job.inputs["text"], place.audio), float(params["fps"])
        latents, sound = sample(transformer, start, text, guidance, sigmas, fps, after)
    made = {"window_000": latents} | ({} if sound is None else {"sound_000": sound})
    if not all(bool(tensor.isfinite().all()) for tensor in made.values()):
        raise StageError("the sample holds values that are not finite: the LoRA or the weight is too strong")
    facts = {name: str(params[name]) for name in ("width", "height")}
    frames = _pixel_frames(size.frames, transformer.config)
    facts |= {"pixel_frames": str(frames), "fps": repr(float(params["fps"]))}
    return made, facts


def _prompt(file: Any, audio: bool) -> Prompt:
    from ltxbuild.model.members import features
    from ltxbuild.model.sampler import Prompt

    return Prompt(features(file), features(file, "audio") if audio else None)


def _start(job: Job, config: Any) -> tuple[Size, Start]:
    """The size in latents, and noise of it with what is shown or heard; a short reference or sound makes a short sample."""
    from ltxbuild.model.flow import Size
    from ltxbuild.model.members import windows
    from ltxbuild.model.sampler import Start, start_noise

    params: Any = job.params
    fps = float(params["fps"])
    beside, heard = job.inputs.get("reference"), job.inputs.get("sound")
    shown = windows(beside.path)[0][0][None] if beside is not None else None
    size = Size(*_latent_size(params, config.vae_scale_factors))
    if shown is not None:
        size = replace(size, frames=int(shown.shape[2]))
    given = next(iter(windows(heard.path)[0]), None) if heard is not None else None
    if given is not None:
        fitting = [n for n in range(1, size.frames + 1) if _sound_count(n, config, fps) <= len(given)]
        size = replace(size, frames=max(fitting, default=1))
        given = given[: _sound_count(size.frames, config, fps)]
    sound = None
    if params.get("audio") == "generated":
        bins = int(params["audio_bins"])
        sound = (int(config.audio_in_channels) // bins, _sound_count(size.frames, config, fps), bins)
    noise, hiss = start_noise(int(params["seed"]), int(config.in_channels), size, sound)
    return size, Start(noise, shown, hiss if given is None else given, given is not None)


def _pixel_frames(frames: int, config: Any) -> int:
    return (frames - 1) * int(config.vae_scale_factors[0]) + 1


def _sound_count(frames: int, config: Any, fps: float) -> int:
    """Latents of the sound beside so many latent frames."""
    from ltxbuild.model.sound import latent_count

    return latent_count(config, _pixel_frames(frames, config) / fps)


def _latent_size(params: Any, factors: Any) -> tuple[int, int, int]:
    """Frames, rows and columns in latents, by the compression that the transformer was made for."""
    temporal, vertical, horizontal = (int(f) for f in factors)
    width, height, frames = (int(params[name]) for name in ("width", "height", "frames"))
    if width % horizontal or height % vertical or (frames - 1) % temporal:
        raise StageError(f"a sample of {width}x{height} with {frames} frames is off the grid of this base")
    return (frames - 1) // temporal + 1, height // vertical, width // horizontal
