"""A clip's sound at its windows as normalised latents. Knows neither why the windows are where they are nor who hears
them.
"""

from __future__ import annotations

from typing import Any

from ltxbuild.job import Job, StageError, read_json
from ltxbuild.stages.bucket import one_window
from ltxbuild.stages.media.decode import MediaError, open_media, rate_of
from ltxbuild.stages.media.sound import read_sound


def run(job: Job) -> None:
    """Write sound.safetensors: window_000 and so on, [A, D] float32, or none for a clip without sound.

    Raises StageError for a clip that cannot be read.
    """
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of
    from ltxbuild.model.residence import part
    from ltxbuild.model.sound import encode

    bucket = _bucket(job)
    vae = part(place_of(job.context, job.params), "audio_vae")
    rate = int(vae.config.sample_rate)
    per_second = rate / vae.config.mel_hop_length / vae.temporal_compression_ratio
    try:
        with open_media(job.inputs["video"].path) as media:
            fps = rate_of(media.video)
        seconds, starts = int(bucket["frames"]) / fps, [int(start) for start in bucket["windows"]]
        whole = read_sound(job.inputs["video"].path, 0.0, max(starts) / fps + seconds, rate)
    except MediaError as error:
        raise StageError(f"the clip cannot be read: {error}") from error
    tensors = {}
    if whole is not None and bucket["frames"] > 1:  # what stands beside a still belongs to no frame
        for index, start in enumerate(starts):
            at = round(start / fps * rate)
            window = whole[at : at + round(seconds * rate)]
            tensors[f"window_{index:03d}"] = encode(vae, window, round(seconds * per_second))
            job.progress(index + 1, len(starts), "windows")
    tensor_file.save(job.out / "sound.safetensors", tensors, {"fps": repr(fps)})


def _bucket(job: Job) -> dict[str, Any]:
    """A clip's own, or one window of a size."""
    size: Any = job.params.get("size")
    if size is None:
        return dict(read_json(job.inputs["bucket"].path))
    return one_window(size, int(read_json(job.inputs["facts"].path)["frames"]))
