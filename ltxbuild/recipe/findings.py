"""Lint as nodes: one a clip, and one over the set whose `ok.json` guards training."""

from __future__ import annotations

from collections.abc import Mapping

from ltxbuild.engine.action import External, Guard, Ref
from ltxbuild.job import JsonDict
from ltxbuild.project.caption_style import STYLES
from ltxbuild.recipe.asked import add_asked_lint, asked_guards
from ltxbuild.recipe.clips import ladder
from ltxbuild.recipe.labels import clip_words
from ltxbuild.recipe.scope import LINT as LINT
from ltxbuild.recipe.scope import TOKENS, Scope, lint_of
from ltxbuild.recipe.sound import audio_of
from ltxbuild.recipe.weighing import weights_of_lint


def lint_guards(scope: Scope) -> list[Guard]:
    """Training starts only if lint found no error; a changed severity therefore retrains nothing."""
    asked = [Guard("lint", Ref(LINT, "ok.json")), Guard("tokens", Ref(TOKENS, "ok.json"))]
    return asked + asked_guards(scope)


def add_lint(scope: Scope) -> None:
    """Findings hold file and key, never a line: moving a caption within its file rebuilds nothing."""
    project = scope.project
    captions = {clip.key: clip.caption for clip in scope.active}
    audio = audio_of(scope, scope.final_mode)
    heard: JsonDict = {} if audio is None else {"audio": audio}
    ranges, smallest = _ranges(scope), _smallest(scope)
    # Shapes of the tiny base say nothing about how a clip fits the base that it will train.
    shapes = None if project.rehearsal else ladder(scope, scope.final_mode)
    for clip in scope.active:
        scope.add(
            "lint_clip",
            lint_of(clip),
            params={
                "clip": clip.key,
                "path": clip.path,
                "caption": clip.caption,
                "draft": clip.draft,
                "trigger": project.trigger,
                "class": project.class_word,
                "type": project.type,
                "ranges": ranges,
                "smallest": smallest,
                "ladder": shapes,
                "start": clip.start,
                "crop": clip.crop,
                **heard,
            },
            inputs={
                "probe": scope.ref(f"probe:{clip.key}", "probe.json"),
                "scan": scope.ref(f"scan:{clip.key}", "scan.json"),
                "moments": scope.ref(f"scan:{clip.key}", "moments.json"),
            },
            subject=clip_words(clip),
        )
    mode = scope.final_mode
    train = project.settings.mode(mode)
    scope.add(
        "lint",
        LINT,
        params={
            "captions": captions,
            "paths": {clip.key: clip.path for clip in scope.active},
            "orphans": list(project.orphans),
            **_unpaired(scope),
            **_repeated(scope),
            "trigger": project.trigger,
            "class": project.class_word,
            "type": project.type,
            "mode": mode,
            **heard,
            "train": {
                "rank": train.rank,
                "learning_rate": train.learning_rate,
                "steps": train.steps,
                "batch": train.batch,
                "shapes": [list(shape) for shape in project.settings.get("bucket.shapes", mode)],
                "frames": list(project.settings.get("bucket.frames", mode)),
                "grid": scope.card.grid,
                "temporal": scope.card.temporal,
                **({"continued": True} if train.init_from else {}),
            },
            "ranges": ranges,
            **weights_of_lint(scope),
        },
        inputs={
            "clips": {
                clip.key: {
                    "findings": scope.ref(lint_of(clip), "findings.json"),
                    "scan": scope.ref(f"scan:{clip.key}", "scan.json"),
                }
                for clip in scope.active
            }
        },
        target="lint",
    )
    _add_tokens(scope, captions)
    add_asked_lint(scope)
    scope.graph.reads += [
        Ref(name, f"{output}.json") for name in (LINT, TOKENS) for output in ("ok", "findings")
    ]


def _ranges(scope: Scope) -> JsonDict:
    """The base's, with the length of captions where another style than the usual is chosen."""
    style = STYLES[str(scope.project.settings.get("caption_style"))]
    return {**scope.card.lint_ranges, **({} if style.sentences else {"longest": style.words})}


def _add_tokens(scope: Scope, captions: Mapping[str, str | None]) -> None:
    """What needs the base's tokenizer: an action of its own, because lint must not wait for a base to be fetched."""
    scope.add(
        "lint_tokens",
        TOKENS,
        params={
            "captions": {**captions},
            "trigger": scope.project.trigger,
            "length": scope.card.text_length,
            **weights_of_lint(scope),
        },
        inputs={"tokenizer": External("tokenizer")},
    )


def _unpaired(scope: Scope) -> JsonDict:
    """What a control set lacks; other sets have no such parameter."""
    if scope.project.type != "control":
        return {}
    bare = [clip.key for clip in scope.active if not clip.reference]
    return {"bare": bare, "strays": list(scope.project.strays)}


def _repeated(scope: Scope) -> JsonDict:
    """How often clips are drawn, where that is not once; other sets have no such parameter."""
    repeats: JsonDict = {clip.key: clip.drawn for clip in scope.active if clip.drawn != 1}
    return {"repeats": repeats} if repeats else {}


def _smallest(scope: Scope) -> JsonDict:
    """The least that a clip must have: a video length in every mode, and the smallest shape's sides."""
    settings = scope.project.settings
    shapes = [shape for mode in scope.modes for shape in settings.get("bucket.shapes", mode)]
    width, height = min(shapes, key=lambda shape: shape[0] * shape[1])
    frames = max(min(n for n in settings.get("bucket.frames", mode) if n > 1) for mode in scope.modes)
    return {"frames": int(frames), "width": int(width), "height": int(height)}
