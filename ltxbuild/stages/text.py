"""The features of one caption or prompt. Knows neither clip nor trigger."""

from __future__ import annotations

from ltxbuild.job import Job


def run(job: Job) -> None:
    """Write features.safetensors: `video` [L, D] and `audio` [L, Da], with token count and truncation as
    metadata.
    """
    from ltxbuild.model import tensor_file
    from ltxbuild.model.device import place_of
    from ltxbuild.model.residence import part
    from ltxbuild.model.text import encode_text

    place = place_of(job.context, job.params)
    found = encode_text(
        part(place, "tokenizer"),
        part(place, "text_encoder"),
        part(place, "connectors"),
        str(job.params["caption"]),
        int(str(job.params["length"])),
    )
    if found.truncated:
        job.note(f"the text has {found.tokens} tokens; what is beyond {job.params['length']} is cut off")
    tensor_file.save(
        job.out / "features.safetensors",
        {"video": found.video, "audio": found.audio},
        {"tokens": str(found.tokens), "truncated": "true" if found.truncated else "false"},
    )
