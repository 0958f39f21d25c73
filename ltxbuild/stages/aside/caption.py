"""What a vision-language model says about the frames of one clip. Changes nothing about its answer.

Inputs: frames (`frames.npy` of stills). Params: prompt, tokens (at most). Context: captioner (its folder), device. Output:
`answer.json` {"text"}.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ltxbuild.job import Job, StageError, write_json


def run(job: Job) -> None:
    """Write answer.json. Raises StageError if the model cannot be loaded."""
    try:
        from ltxbuild.model.captioner import open_captioner
    except ImportError as error:  # Pillow is not there, or transformers is older than the extra asks for
        raise StageError(f'drafting needs `pip install "ltxbuild[caption]"`: {error}') from error
    captioner = open_captioner(Path(str(job.context["captioner"])), str(job.context["device"]))
    frames = np.load(job.inputs["frames"].path, allow_pickle=False)
    answer = captioner.describe(frames, str(job.params["prompt"]), int(str(job.params["tokens"])))
    write_json(job.out / "answer.json", {"text": answer})
