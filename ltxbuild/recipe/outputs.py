"""What the user gets: the exported LoRA, the report, samples; and under which names they are delivered."""

from __future__ import annotations

from pathlib import Path

from ltxbuild import __version__
from ltxbuild.engine.action import External, Input, Ref
from ltxbuild.engine.graph import Deliverable
from ltxbuild.job import Json, JsonDict
from ltxbuild.project.pins import public_name
from ltxbuild.project.project import Project
from ltxbuild.project.resolved import Listed
from ltxbuild.project.setting import show
from ltxbuild.project.settings import BY_KEY
from ltxbuild.recipe.arms import arms
from ltxbuild.recipe.findings import LINT
from ltxbuild.recipe.glimpses import rows
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.sound import audio_of, weights_of
from ltxbuild.recipe.training import planned


def add_export(scope: Scope) -> None:
    """The LoRA of the final mode. Its bytes depend on training, its name and its precision alone."""
    project, mode = scope.project, scope.final_mode
    name = project.settings.get("export.name") or project.name
    export = scope.add(
        "export",
        mode,
        params={
            "name": name,
            "dtype": project.settings.get("export.precision"),
            **weights_of(scope, mode),
            "metadata": {
                "version": "1",
                "trigger": project.trigger,
                "class": project.class_word,
                "type": project.type,
                "mode": mode,
                "base": project.base.card.name,
                **_of_control(scope, mode),
                **({"audio": audio} if (audio := audio_of(scope, mode)) else {}),
            },
        },
        inputs={
            "adapter": Ref(f"choose:{mode}", "adapter.safetensors"),
            "transformer": External("transformer"),
        },
        affinity="transformer",
        target="export",
    )
    scope.graph.deliverables.append(Deliverable(f"{name}.safetensors", Ref(export, "lora.safetensors")))


def _of_control(scope: Scope, mode: str) -> dict[str, str]:
    if scope.project.type != "control":
        return {}
    return {"reference_scale": str(scope.project.settings.mode(mode).reference_scale)}


def add_report(scope: Scope) -> None:
    """The report over everything, and the samples it shows."""
    mode = scope.final_mode
    report = scope.add(
        "report",
        mode,
        params=_facts(scope, mode),
        inputs={
            "clips": {clip.key: _clip(mode, clip.key) for clip in scope.trainable},
            "dataset": Ref(f"dataset:{mode}", "dataset.json"),
            "logs": {
                name.rsplit(":", 1)[1]: Ref(name, "log.json")
                for name in scope.graph.actions
                if name.startswith((f"train:{mode}:", f"tail:{mode}:"))
            },
            "base_loss": Ref(f"loss:{mode}:0000", "loss.json"),
            "choice": Ref(f"choose:{mode}", "choice.json"),
            "evaluation": Ref(f"evaluate:{mode}", "evaluation.json"),
            "gate": Ref("evaluate:fast", "gate.json"),
            "lint": Ref(LINT, "findings.json"),
            "export": Ref(f"export:{mode}", "export.json"),
        },
        target="report",
    )
    scope.graph.deliverables.append(Deliverable("report.json", Ref(report, "report.json")))
    _add_recommendation(scope, mode)
    for arm in arms(scope, scope.final_mode):
        scope.graph.deliverables.append(
            Deliverable(f"samples/{arm.id}.mp4", Ref(f"decode:{mode}:{arm.id}", "video.mp4"))
        )


def _add_recommendation(scope: Scope, mode: str) -> None:
    project = scope.project
    name = str(project.settings.get("export.name") or project.name)
    recommend = scope.add(
        "recommend",
        mode,
        params={
            "name": name,
            "trigger": project.trigger,
            "class": project.class_word,
            "type": project.type,
            "base": project.base.card.name,
        },
        inputs={
            "evaluation": Ref(f"evaluate:{mode}", "evaluation.json"),
            "export": Ref(f"export:{mode}", "export.json"),
        },
        target="report",
    )
    scope.graph.deliverables.append(Deliverable(f"{name}.json", Ref(recommend, "recommend.json")))


def _clip(mode: str, key: str) -> dict[str, Input]:
    return {
        "probe": Ref(f"probe:{key}", "probe.json"),
        "scan": Ref(f"scan:{key}", "scan.json"),
        "facts": Ref(f"transcode:{key}", "facts.json"),
        "bucket": Ref(f"bucket:{mode}:{key}", "bucket.json"),
        "latents": Ref(f"latents:{mode}:{key}", "latents.safetensors"),
    }


def _facts(scope: Scope, mode: str) -> JsonDict:
    project = scope.project
    samples: list[Json] = [
        {
            "id": arm.id,
            "prompt": arm.prompt,
            "seed": arm.seed,
            "weight": arm.weight,
            **({"reference": arm.reference} if arm.reference else {}),
        }
        for arm in arms(scope, scope.final_mode)
    ]
    # What belongs to this machine alone changes no result, so the report neither shows it nor waits for it.
    settings: list[Json] = [
        [one.key, _public(project, one), _origin(one.origin)]
        for one in project.settings.listing()
        if one.key not in BY_KEY or BY_KEY[one.key].affects
    ]
    captions: dict[str, Json] = {clip.key: clip.caption for clip in scope.trainable}
    return {
        "project": {
            "name": project.name,
            "trigger": project.trigger,
            "class": project.class_word,
            "type": project.type,
            "base": project.base.card.title,
        },
        "mode": mode,
        "rehearsal": project.rehearsal,
        "captions": captions,
        "starts": {clip.key: clip.start for clip in scope.trainable if clip.start},
        "samples": samples,
        **_previews(scope, mode),
        "settings": settings,
        "provenance": {
            "ltxbuild": __version__,
            "base": public_name(project.base),
            "sampler": ", ".join(f"{k} {v}" for k, v in scope.card.sampler.items()),
            "size of a sample": "x".join(str(n) for n in scope.card.evaluation_size),
            "seed of the training": project.settings.mode(mode).seed,
        },
    }


def _previews(scope: Scope, mode: str) -> JsonDict:
    """The previews on the way, where there are any."""
    plan = planned(scope, mode)
    found = rows(scope, mode, [*plan.stable, *plan.tail])
    return {"previews": found} if found else {}


def _public(project: Project, one: Listed) -> str:
    """A value without paths: they are this machine's, and the report may be shared."""
    if one.key == "base":
        return show(public_name(project.base))
    return show(Path(one.value.strip('"')).name) if one.key.endswith(".init_from") else one.value


def _origin(origin: str) -> str:
    # A line number would make the report stale whenever a comment is added above.
    return origin.split(":")[0]
