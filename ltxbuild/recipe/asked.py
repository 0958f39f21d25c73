"""What models of the user's choice see and hear, as nodes: one a clip and model, and the findings over all of them.

They are apart from lint's own findings, which no model may keep waiting.
"""

from __future__ import annotations

from collections.abc import Mapping

from ltxbuild.engine.action import External, Guard, Input, Ref
from ltxbuild.project.captions import BY_SUBJECT
from ltxbuild.project.project import Clip
from ltxbuild.project.subject import TYPES
from ltxbuild.recipe.scope import ASKED, Scope
from ltxbuild.recipe.weighing import weights_of_lint
from ltxbuild.stages.fit import PICTURES


def looked_for(scope: Scope) -> bool:
    """Whether the rules about the subject are asked."""
    return bool(scope.project.asks("detector")) and scope.project.type in TYPES


def listened_to(scope: Scope) -> bool:
    """Whether the rules about what is heard are asked."""
    return bool(scope.project.asks("listener"))


def subject_of(scope: Scope, clip: Clip) -> Ref:
    """Where the subject of a clip is."""
    return scope.ref(f"subject:{clip.key}", "subject.json")


def add_asked(scope: Scope, clip: Clip, words: Mapping[str, str]) -> None:
    """Look for the subject of a clip and listen to it, if a crop or a rule needs that."""
    # What transcoding makes of it: a stranger's file is decoded in no process that holds a model.
    transcode = f"transcode:{clip.key}"
    media: dict[str, Input] = {
        "video": scope.ref(transcode, "video.mp4"),
        "facts": scope.ref(transcode, "facts.json"),
    }
    if clip.crop == BY_SUBJECT or looked_for(scope):
        scope.add(
            "subject",
            f"subject:{clip.key}",
            params={"word": scope.project.class_word, "pictures": PICTURES},
            inputs={**media, "detector": External("detector")},
            subject=words,
            affinity="detector",
        )
    if listened_to(scope) and not clip.image:
        scope.add(
            "hearing",
            f"hearing:{clip.key}",
            inputs={**media, "listener": External("listener")},
            subject=words,
            affinity="listener",
        )


def add_asked_lint(scope: Scope) -> None:
    """The findings over all clips."""
    members = {clip.key: _member(scope, clip) for clip in scope.active}
    asked = {key: member for key, member in members.items() if member}
    if not asked:
        return
    scope.add(
        "lint_asked",
        ASKED,
        params={
            "paths": {clip.key: clip.path for clip in scope.active},
            "captions": {clip.key: clip.caption for clip in scope.active} if listened_to(scope) else {},
            **weights_of_lint(scope),
        },
        inputs={"clips": asked},
    )
    scope.graph.reads += [Ref(ASKED, "ok.json"), Ref(ASKED, "findings.json")]


def asked_guards(scope: Scope) -> list[Guard]:
    """Training starts only if no rule about what was seen or heard is an error."""
    return [Guard("asked", Ref(ASKED, "ok.json"))] if ASKED in scope.graph.actions else []


def _member(scope: Scope, clip: Clip) -> dict[str, Input]:
    found: dict[str, Input] = {}
    if looked_for(scope):
        found["subject"] = subject_of(scope, clip)
    if listened_to(scope) and not clip.image:
        found["hearing"] = scope.ref(f"hearing:{clip.key}", "hearing.json")
    return found
