"""Where the subject is in a clip, by a detector that is asked for the class word. Judges nothing.

Inputs: video and facts of the transcoded clip, detector. Params: word, pictures (how many are looked at, from the middles
of equal parts: those that the strip shows). Output `subject.json`: {"word", "pictures": [{"time" (seconds of the video),
"boxes": [[left, top, right, bottom, score], ...]}]}, boxes in shares of the picture, the surest first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltxbuild.job import Job, Json, StageError, read_json, write_json
from ltxbuild.stages.media.decode import MediaError, frames, open_media
from ltxbuild.stages.media.strip import middles


def run(job: Job) -> None:
    """Write subject.json. Raises StageError for a clip or a model that cannot be read."""
    from ltxbuild.model.detector import open_detector

    facts: dict[str, Any] = read_json(job.inputs["facts"].path)
    word, count = str(job.params["word"]), int(str(job.params["pictures"]))
    detector = open_detector(Path(str(job.context["detector"])), str(job.context.get("device") or "cpu"))
    places = middles(int(facts["frames"]), count)
    pictures: list[Json] = []
    try:
        with open_media(job.inputs["video"].path) as media:
            for index, timed in enumerate(frames(media)):
                if index not in places:
                    continue
                boxes = detector.find(timed.image.to_ndarray(format="rgb24"), word)
                shown: list[Json] = [[round(v, 4) for v in box] for box in boxes]
                pictures.append({"time": round(index / float(facts["fps"]), 4), "boxes": shown})
                job.progress(len(pictures), len(places), "pictures")
    except MediaError as error:
        raise StageError(f"the clip cannot be read: {error}") from error
    write_json(job.out / "subject.json", {"word": word, "pictures": pictures})
