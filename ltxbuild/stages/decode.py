"""A sample as a video, with what can be measured on it. Knows no prompt and no verdict."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from ltxbuild.job import Job, write_json
from ltxbuild.stages.judge.pooling import pooled
from ltxbuild.stages.measures import measure
from ltxbuild.stages.media.encode import Sound, write_mp4
from ltxbuild.stages.media.sound import at_rate

if TYPE_CHECKING:
    import torch

    from ltxbuild.model.device import Place

OPTIONS = {"crf": "18", "preset": "medium"}
SMALLEST_SIDE = 192
"""Videos below this many pixels are enlarged for viewing, pixel by pixel, so that nothing is invented."""


def run(job: Job) -> None:
    """Write video.mp4, with its sound if the sample has any, measures.json of the decoded pixels, and pooled.safetensors of
    the latents.
    """
    import torch

    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of

    tensors, metadata = tensor_file.load(job.inputs["latents"].path)
    fps = float(str(job.params.get("fps") or metadata["fps"]))
    frames = film(job, place_of(job.context, job.params), tensors, fps)
    values: Any = measure(frames)
    write_json(job.out / "measures.json", values)
    vector = torch.from_numpy(pooled(tensors["window_000"].numpy()))
    tensor_file.save(job.out / "pooled.safetensors", {"pooled": vector})


def film(
    job: Job, place: Place, tensors: Mapping[str, torch.Tensor], fps: float, beside: tuple[str, ...] = ()
) -> NDArray[np.uint8]:
    """Write video.mp4 of a sample's latents; returns its frames [F, H, W, 3]. Parts of the base `beside` it stay open."""
    from ltxbuild.model.latents import decode
    from ltxbuild.model.residence import part
    from ltxbuild.model.sound import decode as decode_sound

    frames: NDArray[np.uint8] = decode(part(place, "vae", beside), tensors["window_000"]).numpy()
    sound: Sound | None = None
    if "sound_000" in tensors:
        vae, vocoder = part(place, "audio_vae", beside), part(place, "vocoder", beside)
        sound = at_rate(*decode_sound(vae, vocoder, tensors["sound_000"]))
    rate = Fraction(str(fps)).limit_denominator(1001)
    pictures = (picture(f) for f in enlarged(frames))
    write_mp4(job.out / "video.mp4", pictures, rate, OPTIONS, None if sound is None else lambda: sound)
    return frames


def enlarged(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames [F, H, W, 3], each pixel repeated until the shorter side has SMALLEST_SIDE pixels."""
    side = min(frames.shape[1:3])
    factor = -(-SMALLEST_SIDE // side)
    return frames if factor <= 1 else frames.repeat(factor, axis=1).repeat(factor, axis=2)


def picture(pixels: NDArray[np.uint8]) -> av.VideoFrame:
    """An RGB frame [H, W, 3] as the encoder wants it."""
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    # Rec. 709 on both sides, stated in the file: a browser would guess by the size of the picture.
    frame = rgb.reformat(format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709")
    frame.colorspace, frame.color_range = 1, 1
    return frame
