"""Sound as nodes: a clip's latents of it at its windows and, where it is given, once more as samples hear it."""

from __future__ import annotations

from collections.abc import Mapping

from ltxbuild.engine.action import External, Input
from ltxbuild.job import JsonDict
from ltxbuild.project.project import Clip
from ltxbuild.recipe.scope import Scope

SOUND = External("sound")
GIVEN, GENERATED = "given", "generated"


def audio_of(scope: Scope, mode: str) -> str | None:
    """What becomes of the clips' sound in a mode: it is given, generated, or None."""
    found = scope.project.settings.mode(mode).audio
    return None if found == "none" else found


def weights_of(scope: Scope, mode: str) -> JsonDict:
    """How the transformer is kept; with its half for sound only where there is sound."""
    audio = audio_of(scope, mode)
    return {**scope.project.weights, **({} if audio is None else {"audio": audio})}


def add_sound(scope: Scope, clip: Clip, mode: str, words: Mapping[str, str]) -> None:
    """The latents of a clip's sound, if the mode has use for them."""
    audio = audio_of(scope, mode)
    if audio is None:
        return
    transcode = f"transcode:{clip.key}"
    # The base is open in the same way as for pictures, so that a GPU changes nothing between the two.
    kept: JsonDict = {"precision": scope.project.precision}
    common: dict[str, Input] = {"video": scope.ref(transcode, "video.mp4"), "audio_vae": SOUND}
    scope.add(
        "sound",
        f"sound:{mode}:{clip.key}",
        params=kept,
        inputs={**common, "bucket": scope.ref(f"bucket:{mode}:{clip.key}", "bucket.json")},
        subject=words,
        affinity="vae",
        target="encode",
    )
    if audio == GIVEN:
        scope.add(
            "sound",
            f"heard:{mode}:{clip.key}",
            params={**kept, "size": scope.evaluation_window},
            inputs={**common, "facts": scope.ref(transcode, "facts.json")},
            subject=words,
            affinity="vae",
        )
