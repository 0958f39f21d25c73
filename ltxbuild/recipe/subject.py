"""The subject as nodes, where `[lint] detector` names who finds it: one a clip, and the findings over all of them."""

from __future__ import annotations

from collections.abc import Mapping

from ltxbuild.engine.action import External, Guard, Ref
from ltxbuild.project.captions import BY_SUBJECT
from ltxbuild.project.project import Clip
from ltxbuild.project.subject import TYPES
from ltxbuild.recipe.scope import SUBJECT, Scope
from ltxbuild.recipe.weighing import weights_of_lint

DETECTOR = External("detector")
PICTURES = 6  # those that the strip of a clip shows


def judged(scope: Scope) -> bool:
    """Whether the rules about the subject are asked."""
    return bool(scope.project.detector) and scope.project.type in TYPES


def subject_of(scope: Scope, clip: Clip) -> Ref:
    """Where the subject of a clip is."""
    return scope.ref(f"subject:{clip.key}", "subject.json")


def add_subject(scope: Scope, clip: Clip, words: Mapping[str, str]) -> None:
    """Look for the subject of a clip, if its crop or a rule needs it."""
    if clip.crop != BY_SUBJECT and not judged(scope):
        return
    transcode = f"transcode:{clip.key}"
    scope.add(
        "subject",
        f"subject:{clip.key}",
        params={"word": scope.project.class_word, "pictures": PICTURES},
        inputs={
            "video": scope.ref(transcode, "video.mp4"),
            "facts": scope.ref(transcode, "facts.json"),
            "detector": DETECTOR,
        },
        subject=words,
        affinity="detector",
    )


def add_subject_lint(scope: Scope) -> None:
    """The findings over all clips: apart from lint's own, which no model may keep waiting."""
    if not judged(scope):
        return
    scope.add(
        "lint_subject",
        SUBJECT,
        params={
            "paths": {clip.key: clip.path for clip in scope.active},
            **weights_of_lint(scope),
        },
        inputs={"clips": {clip.key: {"subject": subject_of(scope, clip)} for clip in scope.active}},
    )
    scope.graph.reads += [Ref(SUBJECT, "ok.json"), Ref(SUBJECT, "findings.json")]


def subject_guards(scope: Scope) -> list[Guard]:
    """Training starts only if no rule about the subject is an error."""
    return [Guard("subject", Ref(SUBJECT, "ok.json"))] if judged(scope) else []
