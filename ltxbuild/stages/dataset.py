"""Who trains and who is held out, by content. Knows no file name, no tensor and no step."""

from __future__ import annotations

from typing import Any

from ltxbuild.job import Job, read_json, write_json
from ltxbuild.stages.membership import IDENTITY, key_of
from ltxbuild.stages.split import Candidate, split


def run(job: Job) -> None:
    """Write dataset.json: for each clip, sorted by key, which windows train and which are measured."""
    found = [(_candidate(files), files) for files in job.inputs["clips"]]
    result = split(
        [c for c, _ in found], str(job.params["mode"]), job.params.get("holdout", "auto") is not False
    )
    clips: list[Any] = []
    for candidate, files in found:
        role = "holdout" if candidate.key in result.held else "train"
        measured = result.measured.get(candidate.key, [])
        every = list(range(candidate.windows))
        if role == "holdout":
            trained: list[int] = []
        elif len(measured) < candidate.windows:
            trained = [w for w in every if w not in measured]
        else:
            trained = every
        clips.append(
            {
                "key": candidate.key,
                **{part: files[part].digest for part in IDENTITY if files.get(part) is not None},
                "windows": candidate.windows,
                "repeats": files["repeats"],
                "role": role,
                "train": trained,
                "measure": measured,
            }
        )
    clips.sort(key=lambda clip: str(clip["key"]))
    write_json(
        job.out / "dataset.json", {"clips": clips, "optimistic": result.optimistic, "note": result.note}
    )


def _candidate(files: dict[str, Any]) -> Candidate:
    scan = read_json(files["scan"].path)
    return Candidate(
        key=key_of(files),
        # The clip itself, not its caption or its bucket: an edited caption moves nobody, and both modes
        # agree.
        order=f"{files['scan'].digest} {key_of(files)}",
        hashes=tuple(int(h, 16) for h in scan.get("hash") or ()),
        windows=len(read_json(files["bucket"].path)["windows"]),
        marked=bool(files.get("holdout")),
    )
