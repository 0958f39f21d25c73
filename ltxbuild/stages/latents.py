"""A clip's windows as normalised latents. Knows neither why the windows are where they are nor who reads the
latents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltxbuild.job import Job, StageError, read_json
from ltxbuild.stages.bucket import beside, one_window
from ltxbuild.stages.media.decode import MediaError, frames, open_media, rate_of

if TYPE_CHECKING:
    import torch


def run(job: Job) -> None:
    """Write latents.safetensors: window_000 and so on, [C, F, H, W] float32. Raises StageError for sizes off
    the grid.
    """
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of
    from ltxbuild.model.latents import check_grid, encode
    from ltxbuild.model.residence import part

    bucket = _bucket(job)
    width, height, count = (int(bucket[name]) for name in ("width", "height", "frames"))
    vae = part(place_of(job.context, job.params), "vae")
    check_grid(vae, width, height, count)
    pixels, fps = _pixels(job, bucket)
    starts = [int(start) for start in bucket["windows"]]
    tensors = {}
    for index, start in enumerate(starts):
        window = pixels[start : start + count]
        if len(window) != count:
            what = "the reference" if job.params.get("reference") else "the video"
            raise StageError(f"the window at frame {start} needs {count} frames; {what} has {len(pixels)}")
        tensors[f"window_{index:03d}"] = encode(vae, window)
        job.progress(index + 1, len(starts), "windows")
    facts = {"pixel_frames": str(count), "width": str(width), "height": str(height), "fps": repr(fps)}
    tensor_file.save(job.out / "latents.safetensors", tensors, facts)


def _bucket(job: Job) -> dict[str, Any]:
    """A clip's own; for a reference the same windows in the same shape, smaller by its scale, or one window of a size."""
    shown: Any = job.params.get("reference")
    size: Any = job.params.get("size")
    if shown is None:
        return dict(read_json(job.inputs["bucket"].path))
    facts = read_json(job.inputs["facts"].path)
    whole = one_window(size, int(facts["frames"])) if size else read_json(job.inputs["bucket"].path)
    return beside(whole, facts, int(shown["scale"]), str(shown["crop"]))


def _pixels(job: Job, bucket: dict[str, Any]) -> tuple[torch.Tensor, float]:
    """The whole video at its training size [F, 3, H, W] uint8, and its frame rate."""
    import torch

    from ltxbuild.model.latents import fit

    crop = bucket["crop"]
    scale, corner = (int(crop["scale_w"]), int(crop["scale_h"])), (int(crop["x"]), int(crop["y"]))
    size = (int(bucket["width"]), int(bucket["height"]))
    try:
        with open_media(job.inputs["video"].path) as media:
            fps = rate_of(media.video)
            pictures = [
                fit(timed.image.to_ndarray(format="rgb24").astype("uint8", copy=False), scale, corner, size)
                for timed in frames(media)
            ]
    except MediaError as error:
        raise StageError(f"the clip cannot be read: {error}") from error
    if not pictures:
        raise StageError("the clip has no frames")
    return torch.stack(pictures), fps
