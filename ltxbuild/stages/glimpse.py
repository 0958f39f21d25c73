"""A preview on the way of a training: a sample and its film in one go. Knows no prompt and judges nothing."""

from __future__ import annotations

from ltxbuild.job import Job
from ltxbuild.stages.decode import film
from ltxbuild.stages.sample import drawn


def run(job: Job) -> None:
    """Write video.mp4. Raises StageError for a size off the grid or a sample that is not finite.

    The transformer stays where it is, for the next segment needs it: the VAE is small beside it, and takes less than the
    activations of a step.
    """
    from ltxbuild.model.device import place_of

    tensors, _ = drawn(job)
    film(job, place_of(job.context, job.params), tensors, float(str(job.params["fps"])), ("transformer",))
