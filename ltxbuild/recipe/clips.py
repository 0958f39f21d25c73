"""The nodes of each clip: probe, scan, transcode, preview, captions' features, buckets and latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ltxbuild.engine.action import External, Guard, Input, Source, Timeout
from ltxbuild.job import JsonDict
from ltxbuild.project.captions import BY_SUBJECT
from ltxbuild.project.project import Clip
from ltxbuild.recipe.asked import add_asked, subject_of
from ltxbuild.recipe.labels import clip_words
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.sound import add_sound

# A strange file may make a decoder spin: opening one gets this long, decoding 10 s plus 20 times its duration.
PROBE_SECONDS = 30.0
DECODE_BASE, DECODE_FACTOR = 10.0, 20.0
# However long a file says it is: this much footage is to be split before it is trained on.
DECODE_MOST = 4 * 3600.0
PROBE_LIMIT = Timeout(PROBE_SECONDS)
ENCODER: dict[str, Input] = {"encoder": External("text_encoder")}
VAE = External("vae")
EMPTY = "prompt:negative"
PREVIEW_SIDES = {"min_side": 256, "max_side": 512}


def add_clips(scope: Scope) -> None:
    """Everything that concerns one clip alone, so that adding a clip touches no other."""
    ladders = {mode: ladder(scope, mode) for mode in scope.modes}
    for clip in scope.active:
        words = clip_words(clip)
        _add_media(scope, clip, words)
        add_asked(scope, clip, words)
        if clip.caption:
            add_text(scope, f"text:{clip.key}", clip.caption, words)
            plain = clip.caption.replace(scope.project.trigger, scope.project.class_word)
            add_text(scope, f"plain:{clip.key}", plain, words)
        for mode, shapes in ladders.items():
            _add_latents(scope, clip, mode, shapes, words)
            add_sound(scope, clip, mode, words)
        if clip.reference:
            add_reference(scope, clip, ladders)


def ladder(scope: Scope, mode: str) -> JsonDict:
    """The shapes and lengths of a mode, as the bucket of each clip is chosen from them."""
    card, settings = scope.card, scope.project.settings
    return {
        "shapes": [
            list(shape) for shape in settings.get("bucket.shapes", mode) if _divisible(scope, mode, shape)
        ],
        "frames": list(settings.get("bucket.frames", mode)),
        "budget": settings.get("bucket.budget", mode),
        "grid": card.grid,
        "spatial": card.spatial,
        "temporal": card.temporal,
    }


def _divisible(scope: Scope, mode: str, shape: tuple[int, int]) -> bool:
    """Whether a shape can be made smaller as its references are, and still be encoded."""
    side = scope.card.spatial * scope.project.settings.mode(mode).reference_scale
    return scope.project.type != "control" or not (shape[0] % side or shape[1] % side)


def add_cut(
    scope: Scope, clip: Clip, path: str, of: str, audio: bool, words: Mapping[str, str]
) -> tuple[str, Timeout]:
    """Look at a file of a clip and cut it; `of` stands in front of the actions' names. The cut, and its time limit."""
    source = Source(path)
    probe = scope.add(
        "probe",
        f"{of}probe:{clip.key}",
        inputs={"clip": source},
        subject=words,
        timeout=PROBE_LIMIT,
    )
    probed = scope.ref(probe, "probe.json")
    seen: dict[str, Input] = {"clip": source, "probe": probed}
    cut = {"start": clip.start, "end": clip.end}
    limit = Timeout(DECODE_BASE, DECODE_FACTOR, probed, "duration", DECODE_MOST)
    scan = scope.add("scan", f"{of}scan:{clip.key}", params=cut, inputs=seen, subject=words, timeout=limit)
    transcode = scope.add(
        "transcode",
        f"{of}transcode:{clip.key}",
        params={**cut, "fps": scope.card.fps, "audio": audio},
        inputs=seen,
        guards=(Guard("readable", scope.ref(scan, "readable.json")),),
        subject=words,
        timeout=limit,
        target="transcode",
    )
    return transcode, limit


def _add_media(scope: Scope, clip: Clip, words: Mapping[str, str]) -> None:
    transcode, limit = add_cut(scope, clip, clip.path, "", True, words)
    scope.add(
        "preview",
        f"preview:{clip.key}",
        params=PREVIEW_SIDES,
        inputs={"video": scope.ref(transcode, "video.mp4")},
        subject=words,
        timeout=limit,
        target="report",
    )


def add_text(scope: Scope, name: str, caption: str, words: Mapping[str, str]) -> str:
    """The text features of one caption or prompt; equal texts have equal fingerprints and are encoded once.

    `words` says under "text" what it is.
    """
    return scope.add(
        "text",
        name,
        params={"caption": caption, "length": scope.card.text_length, **scope.project.text_weights},
        inputs=ENCODER,
        subject=words,
        affinity="text",
        target="encode",
    )


def add_empty(scope: Scope) -> None:
    """The features of no text, once: guidance starts from them, caption dropout trains on them."""
    if EMPTY not in scope.graph.actions:
        add_text(scope, EMPTY, "", {"text": "the empty prompt"})


def _add_latents(scope: Scope, clip: Clip, mode: str, shapes: JsonDict, words: Mapping[str, str]) -> None:
    transcode = f"transcode:{clip.key}"
    bucket = scope.add(
        "bucket",
        f"bucket:{mode}:{clip.key}",
        # A clip that names no side has the fingerprint that it had before there was such a key.
        params={**shapes, "crop": clip.crop} if clip.crop else shapes,
        inputs={
            "facts": scope.ref(transcode, "facts.json"),
            **({"subject": subject_of(scope, clip)} if clip.crop == BY_SUBJECT else {}),
        },
        subject=words,
        target="bucket",
    )
    scope.add(
        "latents",
        f"latents:{mode}:{clip.key}",
        params={"precision": scope.project.precision},
        inputs={
            "video": scope.ref(transcode, "video.mp4"),
            "bucket": scope.ref(bucket, "bucket.json"),
            "vae": VAE,
        },
        subject=words,
        affinity="vae",
        target="encode",
    )


def add_reference(scope: Scope, clip: Clip, modes: Iterable[str]) -> None:
    """A clip's reference: cut like the clip, at its windows and in its shape, and once more as samples are shown it."""
    words = {**clip_words(clip), "path": clip.reference or ""}
    cut, _ = add_cut(scope, clip, clip.reference or "", "reference-", False, words)
    inputs: dict[str, Input] = {
        "video": scope.ref(cut, "video.mp4"),
        "facts": scope.ref(cut, "facts.json"),
        "vae": VAE,
    }
    for mode in modes:
        shown: JsonDict = {
            "scale": scope.project.settings.mode(mode).reference_scale,
            "crop": clip.crop or "centre",
        }
        common: JsonDict = {"precision": scope.project.precision, "reference": shown}
        scope.add(
            "latents",
            f"reference:{mode}:{clip.key}",
            params=common,
            inputs={**inputs, "bucket": scope.ref(f"bucket:{mode}:{clip.key}", "bucket.json")},
            subject=words,
            affinity="vae",
            target="encode",
        )
        scope.add(
            "latents",
            f"shown:{mode}:{clip.key}",
            params={**common, "size": scope.evaluation_window},
            inputs=inputs,
            subject=words,
            affinity="vae",
        )
