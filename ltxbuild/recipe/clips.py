"""The nodes of each clip: probe, scan, transcode, preview, captions' features, buckets and latents."""

from __future__ import annotations

from ltxbuild.engine.action import External, Guard, Input, Ref, Source, Timeout
from ltxbuild.project.project import Clip
from ltxbuild.recipe.scope import Scope

# A strange file may make a decoder spin: opening one gets this long, decoding 10 s plus 20 times its duration.
PROBE_SECONDS = 30.0
DECODE_BASE, DECODE_FACTOR = 10.0, 20.0
PREVIEW_SIDES = {"min_side": 256, "max_side": 512}


def add_clips(scope: Scope) -> None:
    """Everything that concerns one clip alone, so that adding a clip touches no other."""
    for clip in scope.active:
        _add_media(scope, clip)
        if clip.caption:
            add_text(scope, f"text:{clip.key}", clip.caption, f"caption of {clip.key}")
            plain = clip.caption.replace(scope.project.trigger, scope.project.class_word)
            add_text(scope, f"plain:{clip.key}", plain, f"caption of {clip.key}")
        for mode in scope.modes:
            _add_latents(scope, clip, mode)


def _decode_limit(clip: Clip) -> Timeout:
    return Timeout(DECODE_BASE, DECODE_FACTOR, Ref(f"probe:{clip.key}", "probe.json"), "duration")


def _add_media(scope: Scope, clip: Clip) -> None:
    source = Source(clip.path)
    labels = {
        "clip": f"{clip.path}",
        "start": f"start of {clip.key}",
        "end": f"end of {clip.key}",
    }
    probe = scope.add(
        "probe",
        f"probe:{clip.key}",
        inputs={"clip": source},
        labels=labels,
        timeout=Timeout(PROBE_SECONDS),
    )
    seen: dict[str, Input] = {"clip": source, "probe": Ref(probe, "probe.json")}
    cut = {"start": clip.start, "end": clip.end}
    limit = _decode_limit(clip)
    scan = scope.add("scan", f"scan:{clip.key}", params=cut, inputs=seen, labels=labels, timeout=limit)
    transcode = scope.add(
        "transcode",
        f"transcode:{clip.key}",
        params={**cut, "fps": scope.card.fps, "audio": True},
        inputs=seen,
        guards=(Guard("readable", Ref(scan, "readable.json")),),
        labels=labels,
        timeout=limit,
        target="transcode",
    )
    scope.add(
        "preview",
        f"preview:{clip.key}",
        params=PREVIEW_SIDES,
        inputs={"video": Ref(transcode, "video.mp4")},
        timeout=limit,
        target="report",
    )


def add_text(scope: Scope, name: str, caption: str, label: str) -> str:
    """The text features of one caption or prompt; equal texts have equal fingerprints and are encoded once."""
    return scope.add(
        "text",
        name,
        params={"caption": caption, "length": scope.card.text_length, "precision": scope.project.precision},
        inputs={"encoder": External("text_encoder")},
        labels={"caption": label, "encoder": "text encoder of the base"},
        affinity="text",
        target="encode",
    )


def _add_latents(scope: Scope, clip: Clip, mode: str) -> None:
    card, settings = scope.card, scope.project.settings
    transcode = f"transcode:{clip.key}"
    bucket = scope.add(
        "bucket",
        f"bucket:{mode}:{clip.key}",
        params={
            "shapes": [list(shape) for shape in settings.get("bucket.shapes", mode)],
            "frames": list(settings.get("bucket.frames", mode)),
            "budget": settings.get("bucket.budget", mode),
            "grid": card.grid,
            "spatial": card.spatial,
            "temporal": card.temporal,
        },
        inputs={"facts": Ref(transcode, "facts.json")},
        labels={"facts": f"video of {clip.key}"},
        target="bucket",
    )
    scope.add(
        "latents",
        f"latents:{mode}:{clip.key}",
        params={"precision": scope.project.precision},
        inputs={
            "video": Ref(transcode, "video.mp4"),
            "bucket": Ref(bucket, "bucket.json"),
            "vae": External("vae"),
        },
        labels={"vae": "video VAE of the base", "video": f"video of {clip.key}"},
        affinity="vae",
        target="encode",
    )
